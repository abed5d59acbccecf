"""A run as the document that its report shows."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

from nas.report import (
    Document,
    HypervolumeBox,
    MeasuredLatency,
    SearchFacts,
    build_document,
)
from nas.run._latency import front_latencies
from nas.search import load_evaluations

if TYPE_CHECKING:
    from pathlib import Path

    from nas.run._latency import FrontLatency
    from nas.run._session import Session


def document_of(session: Session, *, box: HypervolumeBox | None = None) -> Document:
    """What there is to say of a run, its front measured in `box` or its own. Raises UserError."""
    problem, settings = session.problem, session.settings
    return build_document(
        SearchFacts(
            name=str(session.folder.path),
            space=problem.space,
            dataset=settings.data,
            input_shape=problem.input_shape,
            num_classes=problem.num_classes,
            objectives=problem.objectives,
            limits=settings.limits,
            sampler=settings.sampler,
            seed=settings.seed,
            budget=settings.budget,
            fidelities=settings.rungs,
            box=box or session.box,
            evaluations=load_evaluations(problem, session.address),
            environment=session.folder.read_json("environment.json"),
            live=is_running(session.folder.path),
            latencies=tuple(_latency(one) for one in front_latencies(session)),
        )
    )


def is_running(path: Path) -> bool:
    """Whether a process drives the search in this folder now."""
    try:
        with (path / "run.lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _latency(one: FrontLatency) -> MeasuredLatency:
    measured = one.measured
    return MeasuredLatency(
        arch_id=one.arch_id,
        device=f"{measured.device}, {measured.runtime}",
        predicted_ms=one.predicted_ms or None,
        median_ms=measured.latency_ms,
        low_ms=measured.latency_ms * measured.ratio_low / measured.ratio,
        high_ms=measured.latency_ms * measured.ratio_high / measured.ratio,
        runs=measured.rounds,
    )
