"""A damaged run made usable: what is readable is kept, what is missing is trained again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nas.errors import RunFolderError
from nas.run._data import ProxyFactory
from nas.search import repair_study
from nas.trial import Task
from nas.workers import WorkerInfo

if TYPE_CHECKING:
    from nas.run._members import FrontMember
    from nas.run._run import Run
    from nas.workers import Factory


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What was done to a run."""

    dropped: tuple[str, ...] = ()
    """Lines of the journal that could not be read, and why."""
    backup: str | None = None
    """The journal as it was, where lines were dropped."""
    trained: tuple[str, ...] = ()
    """Ids of networks whose weights were missing, and are there again."""
    failed: tuple[str, ...] = ()
    """Ids of networks whose training did not come out as recorded; they have no weights."""


def repair_run(run: Run, *, factory: Factory | None = None) -> Repaired:
    """Drop what is unreadable of the journal, and train networks of the front without weights.

    The training is the one that the trial recorded: same seed, same data, same steps.

    Args:
        run: Not to be running.
        factory: Makes the evaluator, instead of the training of proxies.

    Raises:
        RunFolderError: another process drives the run, or its folder cannot be written.
        DataError: weights are missing and the data are not those of the search.
    """
    with run.folder.lock():
        dropped: tuple[str, ...] = ()
        backup: str | None = None
        if run.settings.storage is None:
            dropped, backup = repair_study(run.folder.journal)
        missing = [member for member in run.front() if not _has_weights(member)]
        trained, failed = _train(run, missing, factory) if missing else ((), ())
    return Repaired(dropped=dropped, backup=backup, trained=trained, failed=failed)


def _has_weights(member: FrontMember) -> bool:
    try:
        member.model()
    except RunFolderError:
        return False
    return True


def _train(
    run: Run, members: list[FrontMember], factory: Factory | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids trained again, and ids that did not come out as recorded."""
    make = factory or ProxyFactory.of(run)
    evaluate = make(WorkerInfo(index=0, device="cpu", num_threads=1))
    trained, failed = [], []
    for member in members:
        settings = run.settings
        task = Task(
            number=member.trial, arch=member.arch, fidelity=settings.fidelity, seed=settings.seed
        )
        result = evaluate(task)
        same = result.scores and replace(result.scores, train_s=0.0) == replace(
            member.scores, train_s=0.0
        )
        if same and result.weights is not None:
            run.folder.write_bytes(f"weights/{member.arch_id}.safetensors", result.weights)
            trained.append(member.arch_id)
        else:
            failed.append(member.arch_id)
    return tuple(trained), tuple(failed)
