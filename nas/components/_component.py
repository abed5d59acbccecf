"""What a family's options are written in: value bounds, slots, and the four kinds of component.

A *component* is a stem, a transition, a block or a head. Its record holds the options a model file
may set; `call` turns them into one constructor call for a given slot, refusing what cannot be
built and dropping what makes no difference there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from nas.components._call import Call, Ref
from nas.components._geometry import Side
from nas.errors import IllegalArchitecture


@dataclass(frozen=True, slots=True)
class Bounds:
    """The closed interval in which a number must lie; `below` excludes the upper end instead."""

    low: float
    high: float = float("inf")
    below: float = float("inf")

    def __str__(self) -> str:
        """The interval in words."""
        if self.below != float("inf"):
            return f"at least {self.low:g} and below {self.below:g}"
        if self.high == float("inf"):
            return f"at least {self.low:g}"
        high = f"{self.high:g}" if self.high < 1e6 else f"{self.high:,}"
        return f"between {self.low:g} and {high}"

    def admit(self, value: float) -> bool:
        """Whether `value` lies inside."""
        return self.low <= value <= self.high and value < self.below


class Scaled:
    """Marks a count of channels, which a network's `width` multiplies."""


SCALED = Scaled()
MAX_COUNT = 1 << 16
"""Channels, groups and the like; the widest published layer here has 2,048."""


@dataclass(frozen=True, slots=True)
class SideBounds:
    """What a whole number, or two of them as in 10x4 (height x width), may be."""

    low: int
    high: int

    def __str__(self) -> str:
        """The rule in words."""
        return f"a whole number between {self.low} and {self.high}, or two as in 10x4"


Count = Annotated[int, Bounds(1, MAX_COUNT)]
Channels = Annotated[int, Bounds(1, MAX_COUNT), SCALED]
Reuse = Annotated[int, Bounds(1, 256)]
Stride = Annotated[int, Bounds(1, 4)]
Kernel = Literal[1, 3, 5, 7]
OddKernel = Literal[3, 5, 7]
AnyKernel = Annotated[int | tuple[int, int], SideBounds(1, 64)]
"""Square, or height x width."""
AnyStride = Annotated[int | tuple[int, int], SideBounds(1, 4)]
Probability = Annotated[float, Bounds(0, below=1)]
Expansion = Annotated[float, Bounds(0.125, 64)]
Activation = Literal[
    "relu", "relu6", "hardswish", "silu", "gelu", "elu", "leaky_relu", "mish", "prelu", "tanh"
]

ACTIVATIONS = {
    "relu": Ref("nn.ReLU"),
    "relu6": Ref("nn.ReLU6"),
    "hardswish": Ref("nn.Hardswish"),
    "silu": Ref("nn.SiLU"),
    "gelu": Ref("Gelu"),
    "elu": Ref("nn.ELU"),
    "leaky_relu": Ref("nn.LeakyReLU"),
    "mish": Ref("nn.Mish"),
    "prelu": Ref("PRelu"),
    "tanh": Ref("Tanh"),
}


PRELU = ACTIVATIONS["prelu"]
"""The one activation with a parameter. A module makes one for each argument that names it."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a part stands: what it is given and what it must hand on."""

    path: str
    """Path in the model file, for messages: `stages.1.block.lru`."""
    in_channels: int
    out_channels: int
    stride: int
    activation: Activation
    across: int | None = None
    """Stride over the width, where it differs from that over the height."""

    @property
    def strides(self) -> Side:
        """One stride, or one for each direction."""
        return self.stride if self.across is None else (self.stride, self.across)

    @property
    def keeps_shape(self) -> bool:
        """Whether input and output have the same shape."""
        return self.strides == 1 and self.in_channels == self.out_channels

    def refuse(self, rule: str, detail: str) -> IllegalArchitecture:
        """The error that says which rule this slot breaks."""
        return IllegalArchitecture(f"{self.path}: {detail}", rule=rule, path=self.path)

    def require_divides(self, divisor: int, channels: int, what: str) -> None:
        """Refuse unless `channels` fall into `divisor` equal groups."""
        if channels % divisor:
            raise self.refuse(
                f"{what} must divide the channels",
                f"{what} {divisor} does not divide {channels} channels; "
                f"use a divisor of {channels} or another width",
            )

    def require_same_shape(self, kind: str) -> None:
        """Refuse a part that can neither stride nor change the width."""
        if not self.keeps_shape:
            raise self.refuse(
                f"{kind} keeps its shape",
                f"{kind} keeps its shape but has to go from {self.in_channels} to "
                f"{self.out_channels} channels with stride {self.stride}; give the stage a "
                "transition such as maxpool_concat",
            )


class Component:
    """A stem, transition, block or head: its options, as a frozen record."""

    __slots__ = ()
    kind: ClassVar[str]
    """The name in a model file."""
    quiet: ClassVar[tuple[str, ...]] = ()
    """Options that a description leaves out at their defaults."""
    takes_pairs: ClassVar[bool] = False
    """Whether it can stride differently down and across."""

    def call(self, slot: Slot) -> Call | None:
        """The constructor call at this slot, or None where nothing is left to do.

        Raises IllegalArchitecture where the options do not fit the slot.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what it calls")


class Stem(Component):
    """The first layers: from images to feature maps. Its own `channels` set the width."""

    __slots__ = ()
    # 0 where there is no stem: the first stage has the image's own.
    channels: int
    """Channels that the first stage gets."""


class Transition(Component):
    """The way into a stage: changes width and resolution."""

    __slots__ = ()


# Without slots: records of several bases may not all have them.
@dataclass(frozen=True, kw_only=True)
class Block(Component):
    """What a stage repeats `depth` times."""

    applies_itself: ClassVar[bool] = False
    """Whether the module itself is told `reuse`, as one that does something between."""

    reuse: Reuse = 1
    """How often one set of weights is applied, where the block keeps its shape."""


@dataclass(frozen=True, kw_only=True)
class NoBlock(Block):
    """For a stage that is its transition alone."""

    kind = "none"
    quiet = ("reuse",)

    def call(self, slot: Slot) -> Call:
        """Refuse: there is nothing to repeat."""
        raise slot.refuse(
            "a stage without a block has depth 0",
            "there is no block to repeat; write depth: 0, or give the stage a block",
        )


NO_BLOCK = NoBlock()


class Head(Component):
    """The last layers: from feature maps to logits. `slot.out_channels` counts the classes."""

    is_dense: ClassVar[bool] = False
    """Whether it answers for each pixel, rather than once for the image."""

    __slots__ = ()

    @property
    def outputs(self) -> tuple[tuple[str, int, Head], ...]:
        """Of several heads the name, the number of outputs and the head; else nothing."""
        return ()

    def calls_in(self, made: Call) -> dict[str, Call]:
        """Of several heads, each one's call by name, as arguments of what `call` has made."""
        if not self.outputs:
            return {}
        return {name: one for name, one in made.arguments if isinstance(one, Call)}
