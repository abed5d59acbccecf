"""Every family of ours fulfils what plug-ins have to, by the checks of `nas.testing`."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

from nas.components import Block, Call, Family, Slot, call
from nas.errors import IllegalArchitecture, PluginError
from nas.families import FAMILIES, registry
from nas.testing import CHECKS, Subject, draw_networks, run_checks
from nas.testing._checks import MANY

OURS = tuple(family.name for family in registry.BUILT_IN)


FEWER = 8
"""Networks of the ordinary suite; the slow form has as many as a user's family."""


@cache
def subject(name: str, many: int) -> Subject:
    return Subject(FAMILIES[name], many=many)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("family", OURS)
def test_family(family: str, check: str) -> None:
    CHECKS[check](subject(family, FEWER))


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("family", OURS)
def test_family_on_more_networks(family: str, check: str) -> None:
    CHECKS[check](subject(family, MANY))


def test_the_networks_of_a_subject_use_all_that_the_family_has() -> None:
    networks = subject("mgic", MANY).networks
    kinds = {arch.stages[0].block.kind for arch in networks} | {a.head.kind for a in networks}
    assert kinds == {options.kind for options in FAMILIES["mgic"].options}


# -- families that fall short ---------------------------------------------------------------------


class Fine(nn.Module):
    """Keeps its shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class Miscounted(Fine):
    """Its trace is another module's."""


class Unused(Fine):
    """Has a parameter that nothing reads."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.unused = nn.Conv2d(channels, channels, 1)


class Growing(Fine):
    """Hands on more pixels than a stage does."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.pad(self.conv(x), (1, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Block):
    """A block whose class the test chooses."""

    kind = "probe"
    module: str = "Fine"

    def call(self, slot: Slot) -> Call:
        slot.require_same_shape(self.kind)
        return call(self.module, channels=slot.in_channels)


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A family of `Probe` with a given default class, for as long as the test runs."""
    for name in ("_families", "_traces"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    monkeypatch.setattr(registry, "FAMILIES", registry._families)
    blocks = dict(registry._components[Block])
    monkeypatch.setitem(registry._components, Block, blocks)

    def add(module: str, **traces: Any) -> dict[str, str | None]:
        options = dataclass(frozen=True, slots=True, kw_only=True)(
            type("Probed", (Probe,), {"__annotations__": {"module": "str"}, "module": module})
        )
        family = Family(name="probe", options=(options,), modules=__name__, traces=traces)
        monkeypatch.setattr("nas.families._names.FAMILIES", {**FAMILIES, "probe": family})
        registry.add_family(family)
        return {
            result.name: None if result.error is None else str(result.error)
            for result in run_checks(family, many=FEWER)
            if result.name not in ("records_travel", "code_stands_alone", "onnx_computes_the_same")
        }

    return add


def test_a_block_of_a_few_lines_passes(probe: Any) -> None:
    assert set(probe("Fine").values()) == {None}


def test_parameters_without_a_gradient_are_found(probe: Any) -> None:
    found = probe("Unused")
    assert "no gradient reaches" in found["networks_train"]
    assert found["stages_have_their_shape"] is None


def test_a_stage_that_hands_on_another_shape_is_found(probe: Any) -> None:
    assert "from" in probe("Growing")["stages_have_their_shape"]


def test_a_trace_that_is_not_its_module_s_is_found(probe: Any) -> None:
    found = probe("Miscounted", Miscounted=lambda trace, x, channels: trace.norm(x))
    assert "params=" in found["costs_are_measured"]


def test_a_family_that_refuses_nearly_everything_is_named() -> None:
    class Never(Block):
        kind = "never"

        def call(self, slot: Slot) -> Call:
            raise IllegalArchitecture("never", rule="never")

    family = replace(FAMILIES["plain"], name="never", options=(Never,))
    with pytest.raises(PluginError, match=r"only .* describe a network"):
        list(draw_networks(family, 5, random.Random(0)))
