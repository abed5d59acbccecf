"""Networks on a run's front: architecture, costs, scores, and the trained network itself."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from nas.arch import summarize
from nas.errors import OptionError, RunFolderError
from nas.report import FrontRow, best_row, front_rows, knee_row
from nas.units import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nas.arch import Architecture
    from nas.model import Network
    from nas.run._run import Run
    from nas.trial import Evaluation

PICKS = ("best", "knee", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMember(FrontRow):
    """One network on the front of a run."""

    run: Run = field(repr=False, compare=False)

    @property
    def front_csv(self) -> Path:
        """The table that lists it."""
        return self.run.path / "front.csv"

    @property
    def weights_file(self) -> Path:
        """The file that holds its trained state."""
        return self.run.folder.weights(self.arch_id)

    @property
    def weights_advice(self) -> str:
        """What to do where that file is missing or damaged."""
        return self.run.folder.weights_advice

    def weights(self) -> bytes:
        """The trained state as safetensors bytes. Raises RunFolderError."""
        return self.run.folder.read_weights(self.arch_id)

    @property
    def has_weights(self) -> bool:
        """Whether there are weights, and they are this network's."""
        try:
            self.model()
        except RunFolderError:
            return False
        return True

    def model(self) -> Network:
        """The trained network in evaluation mode: (B, C, H, W) -> (B, K) logits.

        Its input is normalised as the run's data were: mean and deviation stand in `search.json`.

        Raises:
            RunFolderError: the weights are missing, damaged or another network's.
        """
        from nas.model import build_model, load_weights

        problem = self.run.problem
        model = build_model(
            self.arch, in_channels=problem.input_shape[0], num_classes=problem.num_classes
        )
        weights = self.weights()
        with _blaming_weights(self):
            load_weights(model, weights)
        return model.eval()


@contextmanager
def _blaming_weights(member: FrontMember) -> Iterator[None]:
    """Say of weights that do not fit that they do not. Raises RunFolderError."""
    try:
        yield
    except (RuntimeError, KeyError, ValueError, SafetensorError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise RunFolderError(
            f"{member.weights_file}: holds no weights of network {member.arch_id} ({reason}); "
            f"{member.weights_advice}"
        ) from error


def front_members(run: Run, evaluations: Sequence[Evaluation]) -> tuple[FrontMember, ...]:
    """The front of these trials, best first in the first objective."""
    problem = run.problem
    rows = front_rows(evaluations, problem.objectives, limits=problem.limits, describe=summarize)
    return tuple(
        FrontMember(
            trial=row.trial,
            arch=row.arch,
            cost=row.cost,
            scores=row.scores,
            description=row.description,
            run=run,
        )
        for row in rows
    )


def _why_none(run: Run) -> str:
    """Why there is nothing to pick, and what to do."""
    failed, evaluated = sum(one.state == "failed" for one in run.trials()), run.num_evaluated
    go_on = f"nas resume {quoted(run.path)}"
    if evaluated >= run.settings.budget:
        go_on = f"nas resume {quoted(run.path)} --budget {2 * run.settings.budget}"
    if failed and failed == evaluated:
        return (
            f"{run.path}: no network was trained, {failed:,} failed; `nas report "
            f"{quoted(run.path)}` says why. Mend that, and continue the search with `{go_on}`"
        )
    within = " that is within the limits" if run.settings.limits else ""
    none = f"{run.path}: no network has been evaluated yet{within}"
    return f"{none}; continue the search with `{go_on}`"


def pick_members(run: Run, members: Sequence[FrontMember], which: str) -> tuple[FrontMember, ...]:
    """Members by `best`, `knee`, `all` or the beginning of an id. Raises UserError."""
    if not members:
        raise RunFolderError(_why_none(run))
    if which == "all":
        return tuple(members)
    if which == "best":
        return (members[best_row(members, run.problem.objectives)],)
    if which == "knee":
        return (members[knee_row(members, run.problem.objectives)],)
    matching = tuple(one for one in members if one.arch_id.startswith(which))
    if len(matching) != 1:
        what = "several networks" if matching else "no network"
        raise OptionError(
            f"`pick` {which}: {what} on the front begin{'' if matching else 's'} so; write "
            f"{', '.join(PICKS)} or an id from {members[0].front_csv}"
        )
    return matching


def find_network(
    run: Run, arch_id: str, evaluations: Sequence[Evaluation] | None = None
) -> Architecture:
    """The one network of the run whose id begins so. Raises OptionError.

    `evaluations` are the run's trials, where the caller has them already.
    """
    found = {
        one.arch.id: one.arch
        for one in (run.trials() if evaluations is None else evaluations)
        if one.cost is not None and one.arch.id.startswith(arch_id)
    }
    if len(found) != 1 or not arch_id:
        what = "no network" if not found else f"{len(found)} networks"
        raise OptionError(
            f"{run.path}:{arch_id}: {what} of this run begin{'' if len(found) > 1 else 's'} so; "
            f"write an id from {run.path / 'front.csv'}"
        )
    return next(iter(found.values()))
