"""`Architecture`: a network as frozen records, and the calls it compiles to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Annotated, Any

from nas.arch._identity import canonical_json
from nas.arch._rings import (
    ComponentKernels,
    RingPlan,
    Sharer,
    kernels_of,
    last_kernels,
    plan_rings,
)
from nas.arch._sharing import UNSHARED, Sharing
from nas.arch._width import WidthRounding, scaled
from nas.components import (
    NO_BLOCK,
    Activation,
    AnyStride,
    Block,
    Bounds,
    Call,
    Channels,
    Component,
    Head,
    Slot,
    Stem,
    Transition,
    call,
)
from nas.errors import IllegalArchitecture
from nas.families import merge_calls, merge_places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.arch._sharing import Role

MAX_DEPTH = 1000
MAX_SHARINGS = 32
MAX_APPLICATIONS = 5_000
"""Blocks of a network, each as often as its weights are applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A run of `depth` blocks at one width, entered through a transition."""

    channels: Channels
    stride: AnyStride = 1
    """Or down and across, as in 2x1."""
    depth: Annotated[int, Bounds(0, MAX_DEPTH)] = 1
    """Blocks after the transition."""
    activation: Activation = "relu"
    transition: Transition | None = None
    """None: the first block strides and changes the width itself."""
    block: Block = NO_BLOCK
    """May be left out at depth 0."""
    sharing: Sharing | None = None
    """Rings of this stage alone; scope none: it keeps weights of its own. None: the network's."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A network with every value given; independent of image size and number of classes."""

    name: str
    stem: Stem
    stages: tuple[Stage, ...]
    head: Head
    sharing: Sharing | tuple[Sharing, ...] = UNSHARED
    """How kernels that no stage shares itself come from rings; of several, each takes what the
    ones before have left."""
    width: Annotated[float, Bounds(0.01, 16)] = 1.0
    """Multiplies every count of channels: MobileNetV1's and LruNet's alpha."""
    width_rounding: WidthRounding = "multiple_of_8"
    """To which number of channels `width` rounds."""
    resolution: Annotated[int, Bounds(1, 4096)] | None = None
    """Pixels of the shorter side to which larger images are resized before the first layer:
    MobileNetV1's rho. None takes images as they are."""

    @cached_property
    def scaled(self) -> Architecture:
        """The same network with its width multiplied out."""
        if self.width == 1:
            return self
        by = self.width, self.width_rounding
        return replace(
            self,
            stem=scaled(self.stem, *by),
            stages=tuple(scaled(stage, *by) for stage in self.stages),
            head=scaled(self.head, *by),
            width=1.0,
        )

    def input_shape(self, image_shape: Shape) -> Shape:
        """What the first layer sees of images of `image_shape`, both (C, H, W).

        Raises IllegalArchitecture where the images are smaller than `resolution`.
        """
        channels, height, width = image_shape
        side = min(height, width)
        if self.resolution is None or self.resolution == side:
            return image_shape
        if self.resolution > side:
            raise IllegalArchitecture(
                f"resolution: {self.resolution} pixels, and the images have {side}; use at most "
                f"{side}, or larger images",
                rule="images are not enlarged",
            )
        scale = self.resolution / side
        return channels, max(1, round(height * scale)), max(1, round(width * scale))

    def calls(self, *, in_channels: int, num_classes: int) -> tuple[Call, ...]:
        """The constructor calls of the network, first layer first.

        Raises IllegalArchitecture where the records describe no network.
        """
        sections = self.sections(in_channels, num_classes)
        return tuple([one for _, calls in sections for one in calls])

    def sections(self, in_channels: int, num_classes: int) -> tuple[Section, ...]:
        """The calls by the part of the model file they come from, each with a title.

        Neighbours that are one call of some family, to the bit, stand as that call with the first.
        """
        data = in_channels, num_classes
        if data not in self._sections:
            self._sections[data] = _merged(self.given_sections(*data))
        return self._sections[data]

    @cached_property
    def _sections(self) -> dict[tuple[int, int], tuple[Section, ...]]:
        return {}

    def given_sections(self, in_channels: int, num_classes: int) -> tuple[Section, ...]:
        """The calls as the records have them, none put together with its neighbour."""
        self._require_bounded()
        first, last = self.scaled.stem, self.scaled.head
        channels = first.channels or in_channels
        stem = Slot("stem", in_channels, channels, 1, "relu")
        sections: list[Section] = [("stem", (_require(_component_call(first, stem)),))]
        for index, stage in enumerate(self.scaled.stages):
            sections.append((f"stage {index + 1}", _stage_calls(stage, channels, index)))
            channels = stage.channels
        head = Slot(f"head.{last.kind}", channels, num_classes, 1, "relu")
        sections.append(("head", (_require(_component_call(last, head)),)))
        return tuple(sections)

    def _require_bounded(self) -> None:
        if isinstance(self.sharing, tuple) and len(self.sharing) > MAX_SHARINGS:
            raise IllegalArchitecture(
                f"sharing: a list of {len(self.sharing)}; at most {MAX_SHARINGS}",
                rule="a network is not endless",
            )
        applied, channels = 0, self.stem.channels
        for stage in self.stages:
            # A first block that strides or widens is applied once.
            once = stage.transition is None and (stage.stride, stage.channels) != (1, channels)
            repeated = max(0, stage.depth - 1) if once else stage.depth
            applied += stage.depth - repeated + repeated * stage.block.reuse
            channels = stage.channels
        if applied > MAX_APPLICATIONS:
            raise IllegalArchitecture(
                f"stages: {applied:,} applications of blocks (depth x reuse); at most "
                f"{MAX_APPLICATIONS:,}, use fewer",
                rule="a network is not endless",
            )

    def rings(self, *, in_channels: int, num_classes: int) -> tuple[RingPlan, ...]:
        """The parameter rings from which layers of the network read their kernels.

        Raises IllegalArchitecture where the records describe no network.
        """
        if not self.is_shared:
            return ()
        return plan_rings(self.sharers, self.component_kernels(in_channels, num_classes))

    @cached_property
    def is_shared(self) -> bool:
        """Whether any kernel may come from a ring."""
        return any(sharer.sharing.scope != "none" for sharer in self.sharers)

    @property
    def sharing_scope(self) -> str:
        """What has rings of its own, as in `stage` or `layer and network`; `none` if nothing."""
        scopes = dict.fromkeys(sharer.sharing.scope for sharer in self.sharers)
        return " and ".join(scope for scope in scopes if scope != "none") or "none"

    @cached_property
    def sharers(self) -> tuple[Sharer, ...]:
        """Every `sharing` of the network, in the order in which kernels are dealt out."""
        stages = (
            Sharer(f"stages.{index}.sharing", stage.sharing, index + 1)
            for index, stage in enumerate(self.stages)
            if stage.sharing is not None
        )
        if isinstance(self.sharing, Sharing):
            return (*stages, Sharer("sharing", self.sharing))
        return (*stages, *(Sharer(f"sharing.{i}", one) for i, one in enumerate(self.sharing)))

    def without_rings(self) -> Architecture:
        """The same network with weights of its own for every layer."""
        stages = tuple(replace(stage, sharing=None) for stage in self.stages)
        return replace(self, stages=stages, sharing=UNSHARED)

    def component_kernels(
        self, in_channels: int, num_classes: int
    ) -> tuple[ComponentKernels, ...]:
        """The kernels of every component, and where in the network they stand."""
        return tuple(self._component_kernels(in_channels, num_classes))

    def _component_kernels(self, channels: int, num_classes: int) -> Iterator[ComponentKernels]:
        for number, (_, calls) in enumerate(self.given_sections(channels, num_classes)):
            for turn, one in enumerate(calls):
                role = self._role(number, turn, len(calls))
                heads = (self.head.calls_in(one).values() or [one]) if role == "head" else ()
                last = last_kernels(heads, channels)
                kernels, channels = kernels_of(one, channels)
                yield ComponentKernels(number, role, kernels, last)

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
        """The network's calls, and its rings if it has any, as JSON; see `_identity.py`."""
        return canonical_json(self)


Section = tuple[str, tuple[Call, ...]]
Shape = tuple[int, int, int]


@lru_cache(maxsize=1 << 16)
def _stage_calls(stage: Stage, in_channels: int, index: int) -> tuple[Call, ...]:
    calls, channels = [], in_channels
    stride, across = stage.stride if isinstance(stage.stride, tuple) else (stage.stride, None)
    if stage.transition is not None:
        path = f"stages.{index}.transition.{stage.transition.kind}"
        slot = Slot(path, channels, stage.channels, stride, stage.activation, across)
        if (entry := _component_call(stage.transition, slot)) is not None:
            calls.append(entry)
        channels, stride, across = stage.channels, 1, None
    path = f"stages.{index}.block.{stage.block.kind}"
    if stage.depth:
        slot = Slot(path, channels, stage.channels, stride, stage.activation, across)
        calls.append(_block_call(stage.block, slot))
    elif (channels, stride, across) != (stage.channels, 1, None):
        raise IllegalArchitecture(
            f"stages.{index}: depth 0 without a transition cannot go from {in_channels} to "
            f"{stage.channels} channels with stride {stage.stride}; give a transition or a depth",
            rule="an empty stage keeps its shape",
        )
    if stage.depth > 1:
        slot = Slot(path, stage.channels, stage.channels, 1, stage.activation)
        calls += [_block_call(stage.block, slot)] * (stage.depth - 1)
    return tuple(calls)


@lru_cache(maxsize=1 << 16)
def _component_call(part: Component, slot: Slot) -> Call | None:
    """`part.call(slot)`, remembered: stages are many, but they combine few parts."""
    if slot.across is not None and not part.takes_pairs:
        raise slot.refuse(
            f"{part.kind} strides alike down and across",
            f"stride {slot.stride}x{slot.across}: {part.kind} strides alike down and across; give "
            "one number, or use conv or separable",
        )
    return part.call(slot)


def _block_call(block: Block, slot: Slot) -> Call:
    """The block at this slot, wrapped where its weights are to be applied more than once.

    A block that strides or changes the width is applied once.
    """
    made = _require(_component_call(block, slot))
    times = 1 if block.applies_itself else block.reuse
    return call("Reuse", block=made, times=times) if times > 1 and slot.keeps_shape else made


def _merged(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """`sections` with neighbours that come to other calls replaced; the head stays as it is."""
    body = [one for _, calls in sections[:-1] for one in calls]
    places = merge_places(tuple([one.name for one in body]))
    if not any(merge_calls(body[at], body[at + 1], at == 0) for at in places):
        return sections
    return _each_merged(sections)


def _each_merged(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    pending = [(number, one) for number, (_, calls) in enumerate(sections[:-1]) for one in calls]
    pending.reverse()
    done: list[tuple[int, Call]] = []
    while pending:
        number, one = pending.pop()
        both = merge_calls(done[-1][1], one, len(done) == 1) if done else None
        if both is None:
            done.append((number, one))
            continue
        first, *others = both
        pending += [*((number, other) for other in reversed(others)), (done.pop()[0], first)]
    kept: list[list[Call]] = [[] for _ in sections]
    for number, one in done:
        kept[number].append(one)
    body = tuple((title, tuple(calls)) for (title, _), calls in zip(sections, kept, strict=True))
    return (*body[:-1], sections[-1])


def _require(call: Call | None) -> Call:
    assert call is not None, "stems, blocks and heads always leave something to do"
    return call


def describe(value: Any) -> Any:
    """A record as plain mappings, lists and scalars: what a model file would say."""
    if isinstance(value, Architecture | Stage):
        given = {key: item for key, item in _describe_fields(value).items() if item is not None}
        if isinstance(value, Architecture) and value.width == 1:
            del given["width"], given["width_rounding"]
        if isinstance(value, Stage) and value.sharing is not None and "sharing" not in given:
            given["sharing"] = {"scope": "none"}
        return given
    if isinstance(value, Sharing):
        return _describe_sharing(value)
    if isinstance(value, tuple) and any(isinstance(item, Sharing) for item in value):
        return [item for item in map(describe, value) if item is not None] or None
    if isinstance(value, Stem | Transition | Block | Head):
        return {value.kind: _describe_fields(value)}
    if isinstance(value, tuple):
        return [describe(item) for item in value]
    if is_dataclass(value):
        return _describe_fields(value)
    return value


def _describe_fields(record: Any) -> dict[str, Any]:
    quiet = getattr(record, "quiet", ())
    return {
        one.name: describe(getattr(record, one.name))
        for one in fields(record)
        if one.name not in quiet or getattr(record, one.name) != one.default
    }


def _describe_sharing(sharing: Sharing) -> Any:
    """The options that differ from their defaults; None where nothing is shared."""
    if sharing.scope == "none":
        return None
    given = {key: getattr(sharing, key) for key in sharing.__dataclass_fields__}
    return {
        key: describe(value) for key, value in given.items() if value != getattr(UNSHARED, key)
    }
