"""What an export of a run's network says of it, and the data that its int8 form needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import UserError
from nas.export import Deployment, Evidence, Inputs
from nas.metrics import score_of
from nas.run._data import check_data, read_data
from nas.run._finals import FinalNetwork
from nas.run._latency import front_latencies
from nas.trial import Fidelity

if TYPE_CHECKING:
    from nas.data import ImageData
    from nas.run._members import FrontMember
    from nas.run._run import Run


def find_data(run: Run) -> ImageData:
    """The data that were searched. Raises UserError that says how to export without them."""
    try:
        data = read_data(run.settings)
        check_data(run.settings.data, run.facts.data, data)
    except UserError as error:
        raise type(error)(
            f"{error} (an export takes class names and ranges for int8 from the data; "
            "`code_only` does without)"
        ) from error
    return data


def deployment_of(run: Run, row: FrontMember, data: ImageData) -> Deployment:
    """For a network of a front, with what its weights have been shown to reach."""
    if isinstance(row, FinalNetwork):
        evidence, fidelity = row.evidence, Fidelity(epochs=1)
    else:
        evidence, fidelity = _of_proxy(run, row, data), run.settings.fidelity
    evidence = replace(evidence, **_latency(run, row))
    return Deployment(inputs=Inputs.of(data), evidence=evidence, data=data, fidelity=fidelity)


def _of_proxy(run: Run, row: FrontMember, data: ImageData) -> Evidence:
    fidelity = run.settings.fidelity
    images = fidelity.folds * min(fidelity.val_images or len(data.val), len(data.val))
    seeds = f"mean of {fidelity.folds} validation parts" if fidelity.folds > 1 else "one seed"
    score = score_of(run.problem.objectives)
    return Evidence(
        dataset=Path(run.settings.data).name,
        accuracy=score.value(row.cost, row.scores),
        metric=score.name,
        split="validation",
        images=images,
        training="proxy",
        trained=f"a proxy training of {fidelity.over(len(data.train))} ({seeds})",
    )


def _latency(run: Run, row: FrontMember) -> dict[str, Any]:
    """What is known of the time that an image takes, as fields of Evidence."""
    found = [one.measured for one in front_latencies(run) if one.arch_id == row.arch_id]
    if not found:
        return {}
    measured = found[0]
    return {
        "latency_ms": measured.latency_ms,
        "latency_low_ms": measured.latency_ms * measured.ratio_low / measured.ratio,
        "latency_high_ms": measured.latency_ms * measured.ratio_high / measured.ratio,
        "latency_device": f"{measured.device}, {measured.runtime}",
    }
