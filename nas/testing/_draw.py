"""Networks at random around the components of one family.

Options are drawn from the records' own types, widths from small ones, so that a new option is
covered as soon as it is there.
"""

from __future__ import annotations

import math
import types
from dataclasses import MISSING, fields, is_dataclass
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from nas.arch import Architecture, Stage
from nas.components import (
    Activation,
    Block,
    Bounds,
    Head,
    SideBounds,
    Stem,
    Transition,
    as_pair,
)
from nas.cost import cost_of
from nas.errors import IllegalArchitecture, PluginError
from nas.families import COMPONENTS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping

    from nas.components import Component, Family

WIDTHS = (3, 4, 6, 8, 12, 16, 24, 32, 48)
POOLS: Mapping[str, tuple[Any, ...]] = {
    "channels": WIDTHS,
    "hidden": WIDTHS,
    "reuse": (1, 1, 1, 2, 3),
    "levels": (1, 2, 3),
    "name": ("first", "second"),
}
"""Options whose other values would only make the networks larger."""
REQUIRED: Mapping[Any, Any] = {int: 1, float: 1.0, str: "first"}
"""Of options with neither bounds nor a default."""
COUNTS = (1, 1, 2, 3, 4, 8, 10)
SIDES = (1, 1, 2, 3, 3, 4, (2, 1), (1, 3))
SHARES = (0.0, 0.25, 0.3, 0.5, 0.75, 1.0, 2.3, 4.0)
IMAGE = (3, 9, 8)
NUM_CLASSES = 5
TRIES = 100
"""Settings drawn for every network wanted before the family is said to refuse nearly all."""


def draw_networks(family: Family, count: int, rng: random.Random) -> Iterator[Architecture]:
    """`count` legal networks of one stage, for images of `IMAGE`; at most one in `TRIES` is.

    Raises PluginError where fewer settings are legal; whatever else is wrong with a component's
    `call` comes out as it was raised.
    """
    found = 0
    for _ in range(TRIES * count):
        arch = _random_network(family, rng)
        try:
            cost_of(arch, input_shape=IMAGE, num_classes=NUM_CLASSES)
        except IllegalArchitecture as error:
            refusal = error
        else:
            found += 1
            yield arch
        if found == count:
            return
    raise PluginError(
        f"family '{family.name}': of {TRIES * count:,} random settings only {found} describe a "
        f"network; for instance {refusal}"
    )


def random_component(cls: type[Any], rng: random.Random) -> Any:
    """A record whose options are drawn from their types."""
    assert is_dataclass(cls)
    hints = get_type_hints(cls, include_extras=True)
    options = {}
    for item in fields(cls):
        hint = hints[item.name]
        default = REQUIRED.get(hint) if item.default is MISSING else item.default
        pool = [value for value in POOLS.get(item.name, ()) if _admits(hint, value)]
        options[item.name] = rng.choice(pool) if pool else _draw(hint, default, rng)
    return cls(**options)


def _admits(hint: Any, value: Any) -> bool:
    """Whether an option of this type may have a value of a pool."""
    origin, given = get_origin(hint), get_args(hint)
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in given)
    if origin in (Union, types.UnionType):
        return any(_admits(one, value) for one in given)
    if origin is Annotated:
        bounds = [one for one in given[1:] if isinstance(one, Bounds | SideBounds)]
        return _admits(given[0], value) and all(_holds(one, value) for one in bounds)
    return type(value) is hint


def _holds(bounds: Bounds | SideBounds, value: Any) -> bool:
    if isinstance(bounds, Bounds):
        return bounds.admit(value)
    return all(bounds.low <= side <= bounds.high for side in as_pair(value))


def _draw(hint: Any, default: Any, rng: random.Random) -> Any:
    origin = get_origin(hint)
    if origin is Literal:
        return rng.choice(get_args(hint))
    if hint is bool:
        return rng.random() < 0.5
    if origin is tuple:
        return tuple(_draw(get_args(hint)[0], None, rng) for _ in range(rng.choice((0, 1, 2))))
    if hint in COMPONENTS:
        return random_component(rng.choice([*COMPONENTS[hint].values()]), rng)
    if isinstance(hint, type) and is_dataclass(hint):
        return random_component(hint, rng)
    if origin in (Union, types.UnionType):
        inner = rng.choice(get_args(hint))
        return None if inner is type(None) else _draw(inner, default, rng)
    if origin is Annotated:
        inner, *extras = get_args(hint)
        if sides := [one for one in extras if isinstance(one, SideBounds)]:
            return rng.choice([one for one in SIDES if _holds(sides[0], one)] or [sides[0].low])
        bounds = next((one for one in extras if isinstance(one, Bounds)), None)
        return _draw(inner, default, rng) if bounds is None else _bounded(inner, bounds, rng)
    return default


def _bounded(number: type[int] | type[float], bounds: Bounds, rng: random.Random) -> int | float:
    pool = COUNTS if number is int else SHARES
    admitted = [number(value) for value in pool if bounds.admit(value)]
    return rng.choice(admitted or _within(number, bounds))


def _within(number: type[int] | type[float], bounds: Bounds) -> list[int | float]:
    """Values spread over the lower end of bounds that admit none of a pool."""
    width = min(bounds.high, bounds.below, bounds.low + max(1, abs(bounds.low))) - bounds.low
    spread = (bounds.low + share * width for share in (0, 0.25, 0.5, 0.75, 1))
    values = [math.ceil(value) if number is int else value for value in spread]
    found = [value for value in values if bounds.admit(value)]
    if not found:
        raise PluginError(f"an option's bounds hold no {number.__name__}: {bounds}")
    return found


def _random_network(family: Family, rng: random.Random) -> Architecture:
    """One stage between a stem and a head, all from the family where it has such components."""

    def pick(base: type[Component]) -> Any:
        own = [cls for cls in family.options if issubclass(cls, base)]
        return random_component(rng.choice(own or [*COMPONENTS[base].values()]), rng)

    own_block = any(issubclass(options, Block) for options in family.options)
    conv: Any = COMPONENTS[Stem]["conv"]
    stem = pick(Stem) if rng.random() < 0.3 else conv(channels=rng.choice(WIDTHS), stride=1)
    return Architecture(
        name=family.name,
        stem=stem,
        stages=(
            Stage(
                channels=(stem.channels or IMAGE[0]) if rng.random() < 0.4 else rng.choice(WIDTHS),
                stride=rng.choice((1, 1, 2, 3)),
                depth=rng.choice((1, 1, 1, 2) if own_block else (0, 1, 1, 1, 2)),
                activation=rng.choice(get_args(Activation)),
                transition=pick(Transition) if rng.random() < 0.5 else None,
                block=pick(Block),
            ),
        ),
        head=pick(Head),
    )
