"""A run as the document that its report shows."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from nas.report import (
    Document,
    HypervolumeBox,
    MeasuredLatency,
    SearchFacts,
    build_document,
    read_finals,
)
from nas.run._environment import read_environment
from nas.run._latency import front_latencies
from nas.run._picks import readable_picks

if TYPE_CHECKING:
    from nas.run._latency import FrontLatency
    from nas.run._run import Run
    from nas.trial import Evaluation


def document_of(
    run: Run,
    *,
    box: HypervolumeBox | None = None,
    evaluations: tuple[Evaluation, ...] | None = None,
) -> Document:
    """What there is to say of a run, its front measured in `box` or its own. Raises UserError.

    `evaluations` are what `shown_trials` gave, where the caller has them already.
    """
    problem, settings = run.problem, run.settings
    return build_document(
        SearchFacts(
            name=str(run.path),
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
            train_images=run.facts.train_images,
            box=box or run.box,
            evaluations=shown_trials(run)[1] if evaluations is None else evaluations,
            chance=run.chance,
            val_images=run.val_images,
            task=settings.data_options.task,
            environment=asdict(read_environment(run.folder)),
            live=run.folder.is_locked(),
            with_weights=with_weights(run),
            finals=read_finals(run.path),
            final_picks=readable_picks(run),
            latencies=tuple(_latency(one) for one in front_latencies(run)),
        )
    )


def with_weights(run: Run) -> frozenset[str] | None:
    """Ids of networks whose weights the run keeps; None while a search replaces them."""
    if run.folder.is_locked():
        return None
    return frozenset(file.stem for file in (run.path / "weights").glob("*.safetensors"))


def shown_trials(run: Run) -> tuple[tuple[Evaluation, ...], tuple[Evaluation, ...]]:
    """Every trial that is settled; and these with what waits on a rung, as if pruned now.

    What waits has no time at which it ended, by which other tools tell it from what was pruned.
    Raises StorageError.
    """
    from nas.search import load_trials

    settled, paused = load_trials(run.problem, run.address)
    return settled, tuple(sorted((*settled, *paused), key=lambda one: one.number))


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
