"""A network's width multiplier: every count of channels scaled at once, as papers round it.

Papers: MobileNetV1 - https://arxiv.org/abs/1704.04861 (section 3.3); MobileNetV2's rule is that
of MobileNetV3, VGNet and MGIC too.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from nas.components import SCALED, Head, make_divisible

WidthRounding = Literal["multiple_of_8", "at_least_8", "whole"]
Record = TypeVar("Record")


def scaled_channels(channels: int, width: float, rounding: WidthRounding) -> int:
    """`channels` times `width`, as papers round it.

    To the nearest multiple of 8 (MobileNetV2 and V3), or down but not below 8 (MobileNetV1's
    release), or down (the baselines in LruNet's code).
    """
    # The tiny term keeps 0.29 * 100 at 29, whose product in binary falls just short of it.
    product = channels * width + 1e-9
    if rounding == "multiple_of_8":
        return make_divisible(product)
    return max(8 if rounding == "at_least_8" else 1, int(product))


def scaled(record: Record, width: float, rounding: WidthRounding) -> Record:
    """A stem, stage or head with every count of channels scaled."""
    assert is_dataclass(record)
    cls: Any = type(record)
    changed: dict[str, Any] = {
        name: scaled_channels(getattr(record, name), width, rounding)
        for name in _counts_of_channels(cls)
    }
    for one in fields(record):
        if (inner := _scaled_within(getattr(record, one.name), width, rounding)) is not None:
            changed[one.name] = inner
    return replace(record, **changed)  # type: ignore[type-var]


def _scaled_within(value: Any, width: float, rounding: WidthRounding) -> Any:
    """Of several heads, the lists and the heads within; None for what is neither."""
    if isinstance(value, Head):
        return scaled(value, width, rounding)
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return tuple(scaled(one, width, rounding) for one in value)
    return None


@cache
def _counts_of_channels(cls: Any) -> tuple[str, ...]:
    """The fields that the family declared as `Channels`."""
    hints = get_type_hints(cls, include_extras=True)
    return tuple(one.name for one in fields(cls) if _is_scaled(hints[one.name]))


def _is_scaled(hint: Any) -> bool:
    return get_origin(hint) is not None and SCALED in get_args(hint)
