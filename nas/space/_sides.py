"""Kernels and strides: one whole number, or height and width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from nas.components import SideBounds
from nas.space._yaml import Items, Scalar

if TYPE_CHECKING:
    from nas.components import Side
    from nas.space._yaml import Node


def side_bounds(hint: Any) -> SideBounds | None:
    """What sides may be, if the hint is one of sides."""
    extras = get_args(hint) if get_origin(hint) is Annotated else ()
    return next((extra for extra in extras if isinstance(extra, SideBounds)), None)


def parse_sides(node: Node, bounds: SideBounds) -> Side | None:
    """The value of `3`, `10x4` or `[10, 4]`; None if the node is nothing of the kind."""
    if isinstance(node, Items):
        parts = [item.value if isinstance(item, Scalar) else None for item in node.items]
    elif isinstance(node, Scalar) and isinstance(node.value, str):
        parts = [int(text) if text.isdigit() else None for text in node.value.split("x")]
    else:
        parts = [node.value] if isinstance(node, Scalar) else []
    sides = [side for side in parts if type(side) is int and bounds.low <= side <= bounds.high]
    if len(sides) != len(parts) or len(sides) not in (1, 2):
        return None
    return sides[0] if len(set(sides)) == 1 else (sides[0], sides[1])
