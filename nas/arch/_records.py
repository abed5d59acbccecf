"""`Architecture`: a network as frozen records, and the calls it compiles to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Annotated, Any

from nas.arch._sharing import (
    UNSHARED,
    ComponentKernels,
    RingPlan,
    Sharing,
    kernels_of,
    plan_rings,
)
from nas.components import (
    Activation,
    Block,
    Bounds,
    Call,
    Component,
    Count,
    Head,
    Slot,
    Stem,
    Stride,
    Transition,
    call,
    to_plain,
)
from nas.errors import IllegalArchitecture

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nas.arch._sharing import Role
    from nas.components import Weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A run of `depth` blocks at one width, entered through a transition."""

    channels: Count
    stride: Stride = 1
    depth: Annotated[int, Bounds(0)] = 1
    """Blocks after the transition."""
    activation: Activation = "relu"
    transition: Transition | None = None
    """None: the first block strides and changes the width itself."""
    block: Block


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A network with every value given; independent of image size and number of classes."""

    name: str
    stem: Stem
    stages: tuple[Stage, ...]
    head: Head
    sharing: Sharing = UNSHARED

    def calls(self, *, in_channels: int, num_classes: int) -> tuple[Call, ...]:
        """The constructor calls of the network, first layer first.

        Raises IllegalArchitecture where the records describe no network.
        """
        sections = self.sections(in_channels, num_classes)
        return tuple(one for _, calls in sections for one in calls)

    def sections(self, in_channels: int, num_classes: int) -> tuple[Section, ...]:
        """The calls by the part of the model file they come from, each with a title."""
        stem = Slot("stem", in_channels, self.stem.channels, 1, "relu")
        sections: list[Section] = [("stem", (_require(self.stem.call(stem)),))]
        channels = self.stem.channels
        for index, stage in enumerate(self.stages):
            sections.append((f"stage {index + 1}", _stage_calls(stage, channels, index)))
            channels = stage.channels
        head = Slot(f"head.{self.head.kind}", channels, num_classes, 1, "relu")
        sections.append(("head", (_require(self.head.call(head)),)))
        return tuple(sections)

    def rings(self, *, in_channels: int, num_classes: int) -> tuple[RingPlan, ...]:
        """The parameter rings from which layers of the network read their kernels.

        Raises IllegalArchitecture where the records describe no network.
        """
        if self.sharing.scope == "none":
            return ()
        kernels: list[tuple[Weight, ...]] = []
        channels = in_channels
        sections = self.sections(in_channels, num_classes)
        for one in (one for _, calls in sections for one in calls):
            made, channels = kernels_of(one, channels)
            kernels.append(made)
        return plan_rings(self.sharing, self.place_kernels(sections, kernels))

    def place_kernels(
        self, sections: tuple[Section, ...], kernels: Sequence[tuple[Weight, ...]]
    ) -> Iterator[ComponentKernels]:
        """`kernels` of every call of `sections`, with where in the network they stand."""
        unplaced = iter(kernels)
        for number, (_, calls) in enumerate(sections):
            for turn in range(len(calls)):
                role = self._role(number, turn, len(calls))
                yield ComponentKernels(number, role, next(unplaced))

    def _role(self, section: int, turn: int, num_calls: int) -> Role:
        if section == 0:
            return "stem"
        if section > len(self.stages):
            return "head"
        entered = num_calls > self.stages[section - 1].depth
        return "transition" if entered and turn == 0 else "block"

    @cached_property
    def id(self) -> str:
        """First 12 hex digits of the hash of the canonical form; equal for equal networks.

        Raises IllegalArchitecture where the records describe no network.
        """
        return hashlib.sha256(self.canonical_json.encode()).hexdigest()[:12]

    @cached_property
    def canonical_json(self) -> str:
        """The network's calls, and its rings if it has any, as JSON.

        The name takes no part, nor does the split in stages where nothing is shared by stage.
        Image channels and classes belong to the data; 3 and 10 stand in for them.
        """
        calls = f"[{','.join(map(_call_json, self.calls(in_channels=3, num_classes=10)))}]"
        if rings := self.rings(in_channels=3, num_classes=10):
            return f'{{"calls":{calls},"rings":{_json([ring.to_plain() for ring in rings])}}}'
        return calls


@lru_cache(maxsize=1 << 16)
def _call_json(call: Call) -> str:
    return _json(to_plain(call))


def _json(plain: object) -> str:
    return json.dumps(plain, separators=(",", ":"))


Section = tuple[str, tuple[Call, ...]]


@lru_cache(maxsize=1 << 16)
def _stage_calls(stage: Stage, in_channels: int, index: int) -> tuple[Call, ...]:
    calls, channels, stride = [], in_channels, stage.stride
    if stage.transition is not None:
        path = f"stages.{index}.transition.{stage.transition.kind}"
        slot = Slot(path, channels, stage.channels, stride, stage.activation)
        if (entry := _component_call(stage.transition, slot)) is not None:
            calls.append(entry)
        channels, stride = stage.channels, 1
    path = f"stages.{index}.block.{stage.block.kind}"
    for _ in range(stage.depth):
        slot = Slot(path, channels, stage.channels, stride, stage.activation)
        calls.append(_block_call(stage.block, slot))
        channels, stride = stage.channels, 1
    if (channels, stride) != (stage.channels, 1):
        raise IllegalArchitecture(
            f"stages.{index}: depth 0 without a transition cannot go from {in_channels} to "
            f"{stage.channels} channels with stride {stage.stride}; give a transition or a depth",
            rule="an empty stage keeps its shape",
        )
    return tuple(calls)


@lru_cache(maxsize=1 << 16)
def _component_call(part: Component, slot: Slot) -> Call | None:
    """`part.call(slot)`, remembered: stages are many, but they combine few parts."""
    return part.call(slot)


def _block_call(block: Block, slot: Slot) -> Call:
    """The block at this slot, wrapped where its weights are to be applied more than once.

    A block that strides or changes the width is applied once.
    """
    made = _require(_component_call(block, slot))
    times = 1 if block.applies_itself else block.reuse
    return call("Reuse", block=made, times=times) if times > 1 and slot.keeps_shape else made


def _require(call: Call | None) -> Call:
    assert call is not None, "stems, blocks and heads always leave something to do"
    return call


def describe(value: Any) -> Any:
    """A record as plain mappings, lists and scalars: what a model file would say."""
    if isinstance(value, Architecture | Stage):
        return {key: item for key, item in _describe_fields(value).items() if item is not None}
    if isinstance(value, Sharing):
        return _describe_sharing(value)
    if isinstance(value, Stem | Transition | Block | Head):
        return {value.kind: _describe_fields(value)}
    if isinstance(value, tuple):
        return [describe(item) for item in value]
    return value


def _describe_fields(record: Any) -> dict[str, Any]:
    return {one.name: describe(getattr(record, one.name)) for one in fields(record)}


def _describe_sharing(sharing: Sharing) -> Any:
    """The options that differ from their defaults; None where nothing is shared."""
    if sharing.scope == "none":
        return None
    given = {key: getattr(sharing, key) for key in sharing.__dataclass_fields__}
    return {
        key: describe(value) for key, value in given.items() if value != getattr(UNSHARED, key)
    }
