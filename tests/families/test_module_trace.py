"""What is traced from a module is what the families wrote down by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nas.components import Call, LayerTrace, Ref, call
from nas.cost import part_cost
from nas.errors import IllegalArchitecture
from nas.families import registry, trace_layers
from nas.families._module_trace import trace_module
from tests.golden.record import read, recorded

SHAPE = (3, 64, 64)
RELU = Ref("nn.ReLU")


def components() -> list[tuple[Call, tuple[int, int, int]]]:
    """Every component of twelve recorded networks, with the shape it is given there."""
    found = {}
    for line in recorded()[::25]:
        shape = SHAPE
        for one in read(line).calls(in_channels=3, num_classes=10):
            found[one, shape] = None
            shape = part_cost(one, shape).out_shape
    return list(found)


def figures(trace: LayerTrace) -> tuple[Any, ...]:
    return (
        trace.params,
        trace.frozen_params,
        trace.macs,
        trace.peak_activation_bytes(),
        tuple(trace.kernels),
    )


def test_a_module_s_trace_is_the_hand_written_one(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = components()
    assert len(cases) > 30
    by_hand = [trace_layers(one, shape) for one, shape in cases]
    monkeypatch.setattr(registry, "_traces", {"Reuse": registry.trace_reuse})
    for (one, shape), (trace, out) in zip(cases, by_hand, strict=True):
        again, made = trace_layers(one, shape)
        assert figures(again) == figures(trace), (one, shape)
        assert made[:3] == out[:3]


def test_reused_modules_have_their_own_norms_only() -> None:
    """`Reuse` shares what has no children and is no BatchNorm; so does the trace."""
    block = call("SqueezeExcite", channels=8, hidden=2, activation=RELU, gate=RELU)
    norms = call("ConvNormAct", in_channels=8, out_channels=8, kernel=3, activation=RELU)
    trace = LayerTrace()
    x = trace.input(8, 5, 5)
    for application in range(3):
        with trace.weights_known(application > 0):
            x = trace_module(trace, x, block)
            x = trace_module(trace, x, norms)
    assert trace.params == (8 * 2 + 2 + 2 * 8 + 8) + 8 * 8 * 9 + 3 * 16
    assert trace.macs == 3 * (2 * 16 + 8 * 8 * 9 * 25)


def test_what_does_not_fit_is_an_illegal_network_and_says_so() -> None:
    norms = call("ConvNormAct", in_channels=8, out_channels=8, kernel=3, activation=RELU)
    with pytest.raises(
        IllegalArchitecture, match=r"ConvNormAct: cannot be applied to .* 4 x 5 x 5"
    ):
        trace_module(LayerTrace(), LayerTrace().input(4, 5, 5), norms)


def test_no_random_number_is_drawn() -> None:
    before = torch.random.get_rng_state()
    norms = call("ConvNormAct", in_channels=4, out_channels=8, kernel=5, activation=RELU)
    trace_module(LayerTrace(), LayerTrace().input(4, 5, 5), norms)
    assert torch.equal(torch.random.get_rng_state(), before)
