"""A damaged run made usable: what is readable is kept, what is missing is trained again."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nas.run._copies import open_copies, take_weights
from nas.run._data import ProxyFactory
from nas.run._trained_on import trained_on
from nas.search import repair_study
from nas.trial import Task
from nas.units import counted
from nas.workers import LocalPool

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nas.run._members import FrontMember
    from nas.run._run import Run
    from nas.run._trained_on import TrainedOn
    from nas.trial import Scores
    from nas.workers import Device, Factory


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What was done to a run."""

    dropped: tuple[str, ...] = ()
    """Lines of the journal that could not be read, and why."""
    backup: str | None = None
    """The journal as it was, where lines were dropped."""
    copied: tuple[str, ...] = ()
    """Ids of networks whose weights were missing, and are those of another folder now."""
    trained: tuple[str, ...] = ()
    """Ids of networks whose weights were missing, and are there again."""
    failed: tuple[str, ...] = ()
    """Ids of networks whose training did not come out as recorded; they have no weights."""
    faults: tuple[str, ...] = ()
    """What came out instead, or failed: a phrase for each of these."""


def repair_run(
    run: Run, *, copies: Iterable[Path | str] = (), factory: Factory | None = None
) -> Repaired:
    """Drop what is unreadable of the journal, and train networks of the front without weights.

    The training is the one that the trial recorded: same seed, same data, same steps, as many
    threads, and the same kind of device where there is one.

    Args:
        run: Not to be running.
        copies: Other folders that share its study, whose weights are taken where they fit.
        factory: Makes the evaluator, instead of the training of proxies.

    Raises:
        OptionError: one of the copies is of another search.
        RunFolderError: another process drives the run, or its folder cannot be written.
        DataError: weights are missing and the data are not those of the search.
    """
    others = open_copies(run, copies)
    with run.folder.lock():
        dropped: tuple[str, ...] = ()
        backup: str | None = None
        if run.settings.storage is None:
            dropped, backup = repair_study(run.problem, run.address)
        missing = [member for member in run.front() if not member.has_weights]
        copied = take_weights(missing, others)
        missing = [member for member in missing if member.arch_id not in copied]
        made = _train(run, missing, factory) if missing else Repaired()
    return replace(made, dropped=dropped, backup=backup, copied=copied)


def _train(run: Run, members: list[FrontMember], factory: Factory | None) -> Repaired:
    """Train these networks as the search did, and keep the weights of those that come out alike.

    Numbers are rounded alike on the same device, with as many threads.
    """
    make = factory or ProxyFactory.of(run)
    by_workers: dict[TrainedOn, list[FrontMember]] = {}
    for member in members:
        by_workers.setdefault(trained_on(run.folder, member.arch_id), []).append(member)
    faults: dict[str, str | None] = {}
    for before, those in by_workers.items():
        # Of other devices the pool takes the GPU of this machine, if there is one.
        device: Device | None = "cpu" if before.device == "cpu" else None
        with LocalPool(make, device=device, num_threads=before.num_threads) as pool:
            for member in those:
                fault = _train_one(run, member, pool)
                faults[member.arch_id] = fault and f"{fault} ({_words(before, pool.device)})"
    return Repaired(
        trained=tuple(arch_id for arch_id, fault in faults.items() if fault is None),
        failed=tuple(arch_id for arch_id, fault in faults.items() if fault is not None),
        faults=tuple(fault for fault in faults.values() if fault is not None),
    )


def _train_one(run: Run, member: FrontMember, pool: LocalPool) -> str | None:
    """Train a network and keep its weights; what is wrong where it does not come out alike."""
    settings = run.settings
    pool.submit(
        Task(number=member.trial, arch=member.arch, fidelity=settings.fidelity, seed=settings.seed)
    )
    result = pool.next_result()
    assert result is not None, "a local pool answers what it is given"
    if result.scores is None or result.weights is None:
        return f"its training failed: {result.failure.message if result.failure else 'no weights'}"
    fault = _difference(result.scores, member.scores)
    if fault is None:
        run.folder.write_bytes(f"weights/{member.arch_id}.safetensors", result.weights)
    return fault


def _difference(now: Scores, recorded: Scores) -> str | None:
    """What came out other than recorded, in words; None where nothing did."""
    ours, theirs = (
        {"accuracy": one.accuracy, "loss": one.loss} | one.custom for one in (now, recorded)
    )
    changed = [
        f"{name} {ours.get(name, math.nan):.6g} instead of {value:.6g}"
        for name, value in theirs.items()
        if ours.get(name) != value
    ]
    return f"comes out with {', '.join(changed)}" if changed else None


def _words(before: TrainedOn, device: Device) -> str:
    """How it was trained here, and how before."""
    threads = counted(before.num_threads, "thread")
    here = f"trained here with {threads} on the {'GPU' if device == 'cuda' else 'CPU'}"
    then = f"the search had: {before.words}" if before.words else "the log does not tell of before"
    return f"{here}; {then}; other devices and versions of torch round otherwise"
