"""`Run`: a search in its folder, and everything that can be asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nas.errors import OptionError
from nas.search import StorageAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from nas.data import DataSummary
    from nas.export import Exported
    from nas.report import HypervolumeBox, Snapshot
    from nas.run._facts import RunFacts
    from nas.run._finals import FinalNetwork
    from nas.run._folder import RunFolder
    from nas.run._members import FrontMember
    from nas.run._results import RunReport
    from nas.run._settings import SearchSettings, WorkerConfig
    from nas.search import Problem
    from nas.trial import Evaluation
    from nas.workers import Factory

State = Literal["not begun", "running", "stopped", "finished"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A search: its folder, what was asked for, and what it has found so far.

    `nas.search` and `nas.open_run` make one. Whatever it is asked is read from the folder anew, so
    a run can be looked at while it goes on elsewhere.
    """

    folder: RunFolder
    settings: SearchSettings
    problem: Problem
    """The space, the data's shape, objectives and limits."""
    box: HypervolumeBox
    """In which hypervolumes of this run are measured."""
    facts: RunFacts
    """What was found when the search began: the data's shape and fingerprint, ranges of costs."""
    data: DataSummary | None = None
    """What the data are, where the search has just begun and has read them."""
    storage: str | None = field(default=None, repr=False)
    """URL of the study with its password, which no file of the folder holds; None where the
    study is in the folder."""

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @property
    def chance(self) -> float:
        """Accuracy of always giving the most frequent class, in [0, 1]."""
        return self.facts.chance

    @property
    def val_images(self) -> int:
        """Images that every network is validated with."""
        return self.facts.val_images

    @property
    def worst(self) -> tuple[float, ...]:
        """Losses of the box's worst corner, below which nothing is worth a longer training."""
        return tuple(axis.objective.loss(axis.worst) for axis in self.box.axes)

    @property
    def address(self) -> StorageAddress:
        """Where the study is."""
        if self.settings.storage is None:
            return StorageAddress(study=self.settings.study, journal=self.folder.journal)
        url = self.storage or self.settings.storage
        return StorageAddress(study=self.settings.study, url=url)

    @property
    def state(self) -> State:
        """Whether it is running now, in whatever process, and whether its budget is spent."""
        if self.folder.is_locked():
            return "running"
        ended = self._num_ended
        if ended >= self.settings.budget:
            return "finished"
        return "stopped" if ended or self.num_paused else "not begun"

    @property
    def num_paused(self) -> int:
        """Networks trained below full training only, which may yet climb the ladder."""
        from nas.search import count_paused

        return count_paused(self.problem, self.address)

    @property
    def num_evaluated(self) -> int:
        """Networks that used up budget: trained, pruned, failed, or waiting on the ladder."""
        return self._num_ended + self.num_paused

    @property
    def _num_ended(self) -> int:
        """Networks that are trained no longer."""
        return sum(one.state in ("complete", "failed", "pruned") for one in self.trials())

    # -- results -------------------------------------------------------------------------------

    def trials(self) -> tuple[Evaluation, ...]:
        """Every trial that is settled, in order: trained, pruned, failed, rejected, duplicate.

        Raises:
            StorageError: the study cannot be read.
        """
        from nas.search import load_evaluations

        return load_evaluations(self.problem, self.address)

    def front(self) -> tuple[FrontMember, ...]:
        """The Pareto front within the limits, best first in the first objective.

        Raises:
            StorageError: the study cannot be read.
        """
        from nas.run._members import front_members

        return front_members(self, self.trials())

    @property
    def finals_file(self) -> Path:
        """Where the final front stands once `nas train RUN` is over."""
        return self.path / "final" / "final.json"

    def finals(self) -> tuple[FinalNetwork, ...]:
        """The networks that `nas train RUN` has trained in full, best first; none before.

        Raises:
            RunFolderError: a file of theirs cannot be read.
        """
        from nas.run._finals import final_networks

        return final_networks(self)

    def pick(self, which: str = "knee", *, proxies: bool = False) -> tuple[FrontMember, ...]:
        """Members of the final front, or of the search's where there is none or `proxies`.

        Args:
            which: `best` (most accurate), `knee`, `all`, or the beginning of an id, which may be
                that of a finalist beside the front too.
            proxies: Whether the networks are taken as the search has trained them, though some
                are trained in full.

        Raises:
            OptionError: no member is called so, or several are.
            RunFolderError: the front is empty.
        """
        from nas.run._members import PICKS, pick_members

        finals = () if proxies else self.finals()
        if which in PICKS:
            front = tuple(one for one in finals if one.on_front)
            return pick_members(self, front or self.front(), which)
        known = {one.arch_id for one in finals}
        others = (one for one in self.front() if one.arch_id not in known)
        return pick_members(self, (*finals, *others), which)

    def dataframe(self) -> pd.DataFrame:
        """One row a trial: number, state, id, every metric that is known, and its open values."""
        from nas.run._dataframe import trials_frame

        return trials_frame(self, self.trials())

    def hypervolume(self) -> float:
        """Share of the run's box, in [0, 1], that the front dominates."""
        objectives = self.problem.objectives
        return self.box.hypervolume([one.values(objectives) for one in self.front()])

    # -- files ---------------------------------------------------------------------------------

    def report(self, page: Path | str | None = None) -> RunReport:
        """Write the report's files into the folder, and return what they say.

        Args:
            page: A file to write the page to as well.

        Raises:
            StorageError: the study cannot be read.
            RunFolderError: the folder cannot be written.
        """
        from nas.run._results import report_run

        return report_run(self, page=None if page is None else Path(page))

    def export(
        self,
        pick: str = "knee",
        out: Path | str | None = None,
        *,
        proxies: bool = False,
        materialized: bool = False,
        code_only: bool = False,
        force: bool = False,
        qat: int = 0,
        tflite: bool = False,
    ) -> tuple[Exported, ...]:
        """Write members of the front as code, weights, ONNX, `torch.export` and model card.

        Args:
            pick: As `pick` has it.
            out: Folder to write to; `export` in the run folder where None.
            proxies: As `pick` has it.
            materialized: Write the kernels that parameter rings generate instead of the rings.
            code_only: Write code, weights and model file alone, which needs no data.
            force: Replace files that were edited since they were exported.
            qat: Epochs of training with quantisation in the loop, before the forms in 8 bits.
            tflite: Write an int8 .tflite and its C array too, with the arena that tflite-micro
                measured.

        Raises:
            OptionError: no member is called so.
            RunFolderError: weights cannot be read, or the folder cannot be written.
        """
        from nas.run._results import ExportOptions, export_run

        options = ExportOptions(
            proxies=proxies,
            materialized=materialized,
            code_only=code_only,
            force=force,
            qat_epochs=qat,
            tflite=tflite,
        )
        return export_run(self, pick, Path(out) if out else self.path / "export", options)

    # -- going on ------------------------------------------------------------------------------

    def resume(
        self,
        *,
        budget: int | None = None,
        workers: Literal["local"] | int | None = None,
        address: str | None = None,
        cpus_per_worker: float = 1,
        gpus_per_worker: float | None = None,
        node_class: str | None = None,
        minutes: float | None = None,
        join: bool = False,
        on_progress: Callable[[Snapshot], None] | None = None,
    ) -> Run:
        """Evaluate networks until the budget or the time is spent, or the space exhausted.

        Where `open_run` was told of another place of the data, the folder keeps it once they are
        found to be the same; with `join` it does not, for each machine may have its own.

        Args:
            budget: Networks to train in all from now on; as before where None.
            workers: `local` trains in this process; a number, on so many Ray workers; None, on as
                many as fit.
            address: Of a running Ray cluster; None starts Ray on this machine.
            cpus_per_worker: CPUs, and so threads, of each Ray worker.
            gpus_per_worker: GPUs of each Ray worker; shared evenly where None.
            node_class: A Ray resource that the workers' nodes must have; any node where None.
            minutes: After so many no training begins, even where budget is left; those under way
                end, or with `deterministic` begin anew in the next session.
            join: Whether another process, here or on another machine that sees this folder, may
                be searching already; both then share the budget.
            on_progress: Called with a `Snapshot` whenever something changes, and every second.

        Returns:
            The run, with its new budget.

        Raises:
            KeyboardInterrupt: Ctrl-C; what was finished is kept, and `resume` goes on.
            UserError: the data have changed, the study or Ray cannot be reached, or another
                process drives this run.
        """
        from nas.run._settings import WorkerConfig

        config = WorkerConfig(
            workers=workers,
            address=address,
            cpus_per_worker=cpus_per_worker,
            gpus_per_worker=gpus_per_worker,
            node_class=node_class,
            minutes=minutes,
        )
        return self.go_on(config, budget=budget, join=join, on_progress=on_progress)

    def go_on(
        self,
        config: WorkerConfig,
        *,
        budget: int | None = None,
        join: bool = False,
        on_progress: Callable[[Snapshot], None] | None = None,
        factory: Factory | None = None,
    ) -> Run:
        """`resume`, with the workers as a record; `factory` replaces the training of proxies."""
        from nas.run._search import run_search

        run = self if budget is None else self.with_budget(budget)
        outcome = run_search(run, config, on_progress=on_progress, factory=factory, join=join)
        if outcome.interrupted:
            raise KeyboardInterrupt(
                f"finished networks are kept; go on with nas.open_run('{self.path}').resume()"
            )
        return run

    def with_budget(self, budget: int) -> Run:
        """The run with another budget, written into its folder.

        Raises:
            OptionError: the budget is smaller than what has been evaluated, or drivers are at
                work with another one.
            UserError: the data were moved, and are not there or are others; nothing is written.
        """
        from nas.run._create import write_search
        from nas.run._place import at_known_place, check_place, has_moved

        if budget < (spent := self.num_evaluated):
            raise OptionError(
                f"`budget` {budget}: {spent} networks are evaluated already; write at least so "
                "many, the budget being that of the whole run"
            )
        if self.folder.is_locked():
            if budget == self.settings.budget:
                return self
            raise OptionError(
                f"`budget` {budget}: another process is running the search {self.path} with a "
                f"budget of {self.settings.budget}, which all its drivers share; leave `budget` "
                "out, or write another when that one has ended"
            )
        if has_moved(self):
            check_place(self)
        run = replace(self, settings=replace(self.settings, budget=budget))
        with self.folder.lock():
            write_search(at_known_place(run))
        return run
