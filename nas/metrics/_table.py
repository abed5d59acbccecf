"""The metrics of nas, and those that a user adds."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nas.errors import OptionError
from nas.metrics._metric import Metric
from nas.names import near

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nas.metrics._metric import Style


def _cost(style: Style, name: str, unit: str, heading: str, **others: Any) -> Metric:
    return Metric(
        name=name, direction="minimize", unit=unit, style=style, heading=heading, **others
    )


_count, _bytes = partial(_cost, "count"), partial(_cost, "bytes")


def _score(name: str, task: str, heading: str, unit: str) -> Metric:
    return Metric(
        name=name,
        direction="maximize",
        unit=f"validation {unit}",
        source="scores",
        style="share",
        heading=heading,
        bounds=None if name == "balanced_accuracy" else (0.0, 1.0),
        is_score=True,
        task=task,
    )


BUILT_IN = (
    Metric(
        name="accuracy",
        direction="maximize",
        unit="validation accuracy",
        source="scores",
        style="share",
        label="accuracy",
        limit_flag="--min-accuracy",
        limit_help="On validation images, such as 0.9; the front keeps to it.",
        is_score=True,
    ),
    _score("balanced_accuracy", "classification", "balanced", "mean accuracy of the classes"),
    _score("average_precision", "multilabel", "mAP", "mean average precision"),
    _score("f1", "multilabel", "F1", "mean F1 of the classes"),
    _score("mean_iou", "segmentation", "mean IoU", "mean intersection over union"),
    Metric(
        name="loss",
        direction="minimize",
        unit="validation loss in nats",
        source="scores",
        bounds=(0.0, 5.0),
    ),
    _count(
        "params",
        "trainable parameters",
        "params",
        label="parameters",
        meaning="trainable, each shared weight once",
        limit_flag="--max-params",
        limit_help="Such as 100k.",
    ),
    _count("ring_params", "parameters in rings", "ring", meaning="of these, in parameter rings"),
    _count(
        "kernel_params", "parameters of kernels", "kernels", meaning="of these, weights of kernels"
    ),
    _count("frozen_params", "fixed parameters", "fixed", meaning="fixed kernels, never trained"),
    _count("generated_params", "weights that rings generate", "made"),
    _count("largest_generated", "weights of the largest generated kernel", "largest"),
    _count(
        "macs",
        "multiply-accumulates",
        "MACs",
        label="MACs",
        meaning="multiply-accumulates of one image",
        limit_flag="--max-macs",
        limit_help="Such as 5M.",
    ),
    _bytes(
        "peak_activation_bytes",
        "bytes",
        "memory",
        label="peak memory, fp32",
        meaning="of live fp32 activations",
        limit_flag="--max-peak-bytes",
        limit_help="Limit of live activations, such as 64k.",
    ),
    _bytes(
        "stored_bytes",
        "bytes",
        "weights",
        label="weights, fp32",
        meaning="in fp32",
        limit_flag="--max-stored-bytes",
        limit_help="Limit of weights in fp32, such as 256k.",
    ),
    _bytes(
        "int8_stored_bytes",
        "bytes in int8",
        "flash",
        label="weights, int8",
        meaning="with kernels in int8",
        limit_flag="--max-int8-stored-bytes",
        limit_help="Limit of weights, kernels in int8 (flash).",
    ),
    _bytes(
        "int8_peak_activation_bytes",
        "bytes in int8",
        "SRAM",
        label="peak memory, int8",
        meaning="of live int8 activations",
        limit_flag="--max-int8-peak-bytes",
        limit_help="Limit of live int8 activations (SRAM).",
    ),
    _bytes("ram_bytes", "bytes", "RAM"),
    _bytes("int8_ram_bytes", "bytes in int8", "RAM, int8"),
    Metric(
        name="latency",
        direction="minimize",
        unit="predicted microseconds",
        style="latency_us",
        label="latency, predicted",
        limit_flag="--max-latency-ms",
        limit_help="Predicted; first: nas latency --calibrate SPACE.",
        field="latency_us",
    ),
    Metric(
        name="train_s",
        direction="minimize",
        unit="seconds of training",
        source="scores",
        style="seconds",
        heading="training",
        label="training time",
        bounds=(0.0, 3600.0),
    ),
)
_TABLE: dict[str, Metric] = {metric.name: metric for metric in BUILT_IN}

METRICS: Mapping[str, Metric] = MappingProxyType(_TABLE)
"""Every metric by name, in the order of columns; those registered come last."""


def register_metric(metric: Metric) -> Metric:
    """Add a metric of one's own, or replace one added earlier by the same name.

    Workers find it where the module that registers it is a plug-in of the search.

    Raises:
        OptionError: the name is taken or cannot be written on a command line, or nothing computes
            the metric.
    """
    known = _TABLE.get(metric.name)
    if known is not None and known.compute is None:
        raise OptionError(f"metric '{metric.name}': nas has one of this name; choose another")
    if not metric.name.isidentifier() or metric.name != metric.name.lower():
        raise OptionError(
            f"metric '{metric.name}': write lower-case letters, digits and underscores"
        )
    if metric.compute is None:
        raise OptionError(f"metric '{metric.name}': give `compute`, the function that knows it")
    _TABLE[metric.name] = metric
    return metric


def find_metric(name: str, where: str = "`objectives`") -> Metric:
    """The metric called `name`. Raises OptionError with the nearest name known."""
    if name in _TABLE:
        return _TABLE[name]
    known = f"{near(name, _TABLE)} (known: {', '.join(_TABLE)})"
    raise OptionError(f"{where}: unknown metric '{name}'{known}")
