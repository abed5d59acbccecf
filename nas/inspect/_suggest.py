"""What the figures suggest to open in a search space.

Every suggestion names the value it would open, the options beside the present one, and the
measured figure with the threshold it passed. Options that describe no legal network are left out.
They are hypotheses: a search finds out whether they hold.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from nas.arch import describe
from nas.errors import UserError
from nas.inspect._depthwise import label_shares
from nas.inspect._groups import change_groups
from nas.space import parse_space

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nas.arch import Architecture, Component
    from nas.inspect._depthwise import KernelLayer
    from nas.inspect._groups import ChangeGroup
    from nas.inspect._inspection import Inspection

MIN_KERNELS = 16
"""Fewer say nothing about a stage."""
MIN_IDENTITY = 0.25
"""Share of identity-like kernels from which a larger identity ratio is suggested."""
MIN_FIXED = 0.4
"""Share of kernels like a bank's from which the bank is suggested: many times what chance gives,
and less than all, since learned kernels stay an option beside it."""
MIN_CKA = 0.9
"""Mean similarity from which a stage's blocks are said to change little. Freshly drawn weights
give as much (0.85 to 1): blocks that stay so through a training had little to do."""
_RATIO_STEP = 1 / 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One value to open."""

    path: str
    """As `nas show` and overrides write it."""
    current: Any
    """What is there, in plain mappings and scalars."""
    options: tuple[Any, ...]
    """What to offer beside it."""
    because: str
    """The measured figure and its threshold, in words."""

    @property
    def choice(self) -> dict[str, list[Any]]:
        """The open value, as a model file writes it."""
        return {"choice": [self.current, *self.options]}

    @property
    def text(self) -> str:
        """A line of YAML, the path as its key."""
        value = yaml.safe_dump(self.choice, default_flow_style=True, sort_keys=False, width=10_000)
        return f"{self.path}: {value.strip()}"


def suggest(inspection: Inspection) -> tuple[Suggestion, ...]:
    """What to open in a space around the inspected network; nothing if it is untrained."""
    if not inspection.trained:
        return ()
    found = [*_by_kernels(inspection), *_by_maps(inspection)]
    legal = (_legal(inspection.arch, one) for one in found)
    return tuple(one for one in legal if one.options)


def open_space(arch: Architecture, suggestions: Iterable[Suggestion]) -> str:
    """A model file: `arch` with the suggested values open, ready to be searched."""
    plain = describe(arch)
    # Innermost first, so that a block with an open value can itself become an option.
    for one in sorted(suggestions, key=lambda one: -one.path.count(".")):
        _set(plain, one.path, {"choice": [_get(plain, one.path), *one.options]})
    plain["name"] = f"{arch.name}_opened"
    text: str = yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=99)
    return text


def _by_kernels(inspection: Inspection) -> Iterator[Suggestion]:
    learned = [layer for layer in inspection.layers if not layer.fixed]
    arch = inspection.arch
    for index, stage in enumerate(arch.stages):
        own = [layer for layer in learned if layer.stage == index]
        blocks = [layer for layer in own if layer.role == "block"]
        where = f"stages.{index}"
        if _count(blocks) >= MIN_KERNELS:
            yield from _identity(arch, f"{where}.block", stage.block, blocks)
            yield from _fixed(arch, f"{where}.block", stage.block, blocks)
        entry = [layer for layer in own if layer.role == "transition"]
        if stage.transition is not None and _count(entry) >= MIN_KERNELS:
            yield from _fixed(arch, f"{where}.transition", stage.transition, entry)
    head = [layer for layer in learned if layer.role == "head"]
    if _count(head) >= MIN_KERNELS:
        yield from _fixed(arch, "head", arch.head, head)


def _identity(
    arch: Architecture, path: str, block: Component, layers: Sequence[KernelLayer]
) -> Iterator[Suggestion]:
    share = label_shares(layers)["identity"]
    if share < MIN_IDENTITY:
        return
    because = (
        f"{_named(layers)}: {_percent(share)} of {_count(layers):,} kernels are identity-like "
        f"(threshold {_percent(MIN_IDENTITY)})"
    )
    skipping = float(getattr(block, "identity_ratio", 0))
    # Of what is filtered now, the identity-like share need not be.
    ratio = math.floor((skipping + (1 - skipping) * share) / _RATIO_STEP) * _RATIO_STEP
    if block.kind != "half_identity":
        option = {"half_identity": {"identity_ratio": max(ratio, MIN_IDENTITY)}}
        yield _suggestion(arch, path, (option,), because)
    elif ratio > skipping:
        yield _suggestion(arch, f"{path}.{block.kind}.identity_ratio", (ratio,), because)


def _fixed(
    arch: Architecture, path: str, part: Component, layers: Sequence[KernelLayer]
) -> Iterator[Suggestion]:
    if not hasattr(part, "kernels"):
        return
    shares = label_shares(layers)
    edge, gaussian = shares["edge"], shares["gaussian"]
    banks = {"edge": edge, "gaussian": gaussian, "edge_gaussian": edge + gaussian}
    options = tuple(bank for bank, share in banks.items() if share >= MIN_FIXED)
    # Where one kind alone is enough, the bank of both is the better guess only if both are there.
    if len(options) > 1 and min(edge, gaussian) < MIN_FIXED / 4:
        options = tuple(bank for bank in options if bank != "edge_gaussian")
    because = (
        f"{_named(layers)}: of {_count(layers):,} kernels {_percent(edge)} are edge-like and "
        f"{_percent(gaussian)} Gaussian-like (threshold {_percent(MIN_FIXED)})"
    )
    yield _suggestion(arch, f"{path}.{part.kind}.kernels", options, because)


def _by_maps(inspection: Inspection) -> Iterator[Suggestion]:
    for group in change_groups(inspection.changes):
        if group.role == "block" and group.stage is not None and group.mean("cka") >= MIN_CKA:
            yield from _unchanging(inspection.arch, group, group.stage)


def _unchanging(arch: Architecture, group: ChangeGroup, index: int) -> Iterator[Suggestion]:
    stage = arch.stages[index]
    because = (
        f"{group.section}, {len(group.changes)} blocks: what a block makes resembles its input, "
        f"mean CKA {group.mean('cka'):.2f} (threshold {MIN_CKA})"
    )
    if stage.depth > 1:
        yield _suggestion(arch, f"stages.{index}.depth", (math.ceil(stage.depth / 2),), because)
    reuse = getattr(stage.block, "reuse", None)
    if reuse is not None and (reuse > 1 or stage.depth > 1):
        # Reused often already: less may do. Not yet: one set of weights may stand for several.
        option = math.ceil(reuse / 2) if reuse > 1 else stage.depth
        path = f"stages.{index}.block.{stage.block.kind}.reuse"
        yield _suggestion(arch, path, (option,), because)


def _suggestion(
    arch: Architecture, path: str, options: tuple[Any, ...], because: str
) -> Suggestion:
    current = _get(describe(arch), path)
    return Suggestion(path=path, current=current, options=options, because=because)


def _legal(arch: Architecture, one: Suggestion) -> Suggestion:
    """`one` without options that describe no network."""
    options = tuple(option for option in one.options if _describes(arch, one.path, option))
    return Suggestion(path=one.path, current=one.current, options=options, because=one.because)


def _describes(arch: Architecture, path: str, option: Any) -> bool:
    plain = copy.deepcopy(describe(arch))
    _set(plain, path, option)
    try:
        space = parse_space(yaml.safe_dump(plain, sort_keys=False), source=path, name=arch.name)
        return bool(space.decode(()).id)
    except UserError:
        return False


def _named(layers: Sequence[KernelLayer]) -> str:
    first = layers[0]
    if first.section == first.role:
        return first.section
    return f"{first.section}, {'blocks' if first.role == 'block' else first.role}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _count(layers: Iterable[KernelLayer]) -> int:
    return sum(len(layer.labels) for layer in layers)


def _get(plain: Any, path: str) -> Any:
    for key in path.split("."):
        plain = plain[int(key)] if isinstance(plain, list) else plain[key]
    return plain


def _set(plain: Any, path: str, value: Any) -> None:
    above, _, key = path.rpartition(".")
    holder = _get(plain, above)
    holder[int(key) if isinstance(holder, list) else key] = value
