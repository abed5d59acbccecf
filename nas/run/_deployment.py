"""What an export of a run's network says of it, and the data that its int8 form needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.errors import UserError
from nas.export import Deployment, Evidence, Inputs
from nas.metrics import score_of
from nas.run._data import read_data
from nas.run._latency import front_latencies

if TYPE_CHECKING:
    from nas.data import ImageData
    from nas.report import FrontRow
    from nas.run._run import Run


def find_data(run: Run) -> ImageData:
    """The run's data. Raises UserError that says how to export without them."""
    try:
        return read_data(run.settings)
    except UserError as error:
        raise type(error)(
            f"{error} (an export takes class names and ranges for int8 from the data; "
            "`nas export --code-only` does without)"
        ) from error


def deployment_of(run: Run, row: FrontRow, data: ImageData) -> Deployment:
    """For a network of the front with the weights of its proxy training."""
    fidelity = run.settings.fidelity
    images = min(fidelity.val_images or len(data.val), len(data.val))
    seen = min(fidelity.train_images or len(data.train), len(data.train))
    epochs = "1 epoch" if fidelity.epochs == 1 else f"{fidelity.epochs} epochs"
    score = score_of(run.problem.objectives)
    found = [one for one in front_latencies(run) if one.arch_id == row.arch_id]
    measured = found[0].measured if found else None
    evidence = Evidence(
        dataset=run.settings.data,
        accuracy=score.value(row.cost, row.scores),
        metric=score.name,
        split="validation",
        images=images,
        training="proxy",
        trained=f"a proxy training of {epochs} over {seen:,} images (one seed)",
        latency_ms=measured.latency_ms if measured else None,
        latency_low_ms=measured.latency_ms * measured.ratio_low / measured.ratio
        if measured
        else None,
        latency_high_ms=measured.latency_ms * measured.ratio_high / measured.ratio
        if measured
        else None,
        latency_device=f"{measured.device}, {measured.runtime}" if measured else None,
    )
    return Deployment(inputs=Inputs.of(data), evidence=evidence, data=data, fidelity=fidelity)
