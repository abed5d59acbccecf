"""What an architecture compiles to: a list of constructor calls, as plain data.

One list serves four readers. `nas.model` makes the calls and gets modules, `nas.export` prints
them as source text, `nas.cost` adds up their layers, and `Architecture.id` hashes them. Two
settings that lead to the same calls are therefore the same network, and get the same id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, Union

Argument: TypeAlias = Union[int, float, str, bool, "Ref", "Call", tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Ref:
    """A name that stands for itself in code: `nn.ReLU`, `interleave`."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """One constructor call: the class's name and its keyword arguments."""

    name: str
    arguments: tuple[tuple[str, Argument], ...]

    @property
    def kwargs(self) -> dict[str, Argument]:
        """The keyword arguments, in the order in which they are written."""
        return dict(self.arguments)


def call(name: str, **kwargs: Argument | None) -> Call:
    """A `Call`; arguments that are None are left out, so that absence has one spelling."""
    return Call(name, tuple([(key, value) for key, value in kwargs.items() if value is not None]))


def to_plain(value: Argument | tuple[Call, ...]) -> Any:
    """JSON-ready form of a call or an argument, the same for the same network."""
    if isinstance(value, Call):
        return [value.name, {key: to_plain(item) for key, item in value.arguments}]
    if isinstance(value, Ref):
        return f"@{value.name}"
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    return value
