"""MGIC's modules against vectors of the authors' code, and the properties that define the cycle.

The vectors are outputs of the authors' blocks for weights that follow a sine.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nas.arch import Block, Slot
from nas.families.mgic.options import MgicBasic, MgicBottleneck, MgicMobile
from nas.model import instantiate

BASIC = MgicBasic(group_size=4, threshold=8)


def build(block: Block, channels: int, activation: str = "relu") -> nn.Module:
    call = block.call(Slot("block", channels, channels, 1, activation))
    assert call is not None
    module = instantiate(call).double().eval()
    assert isinstance(module, nn.Module)
    return module


def fill(module: nn.Module, amplitude: float) -> None:
    """Weight tensor j gets amplitude x sin(0.7 (i + 1) + 0.3 j) at element i; biases are 0."""
    convs = [conv for conv in module.modules() if isinstance(conv, nn.Conv2d)]
    for j, conv in enumerate(convs):
        i = torch.arange(conv.weight.numel(), dtype=torch.float64)
        conv.weight.data.copy_(amplitude * torch.sin(0.7 * (i + 1) + 0.3 * j).view_as(conv.weight))
        if conv.bias is not None:
            nn.init.zeros_(conv.bias)


def wave(*shape: int) -> Tensor:
    """cos(0.37 i) at element i."""
    count = torch.Size(shape).numel()
    return torch.cos(0.37 * torch.arange(count, dtype=torch.float64)).view(shape)


def check(y: Tensor, total: float, squares: float, first: list[float]) -> None:
    assert y.sum().item() == pytest.approx(total, abs=1e-8)
    assert y.square().sum().item() == pytest.approx(squares, abs=1e-7)
    assert y.flatten()[: len(first)].tolist() == pytest.approx(first, abs=1e-9)


def test_golden_vector_basic() -> None:
    block = build(BASIC, 16)
    fill(block, 0.5)
    with torch.no_grad():
        y = block(wave(1, 16, 6, 6))
    first = [5.1050734205, 14.2923443725, 26.0203090064, 31.5006380324, 30.6937765681]
    check(y, 3420.1096745286, 57302.8893202941, first)
    assert y.max().item() == pytest.approx(31.5006380324, abs=1e-9)
    assert (y != 0).sum() == 323


def test_golden_vector_basic_in_training() -> None:
    block = build(BASIC, 16).train()
    fill(block, 0.5)
    with torch.no_grad():
        y = block(wave(2, 16, 6, 6))
    check(y, 667.4316626552, 1276.6630884366, [2.0538914818, 2.1178773080, 2.4715921428])


def test_golden_vector_bottleneck() -> None:
    block = build(MgicBottleneck(group_size=4, threshold=8), 32)
    fill(block, 0.3)
    with torch.no_grad():
        y = block(wave(1, 32, 5, 5))
    first = [0.9384304654, 0.8352747571, 0.5795361793]
    check(y, 258.1550544714, 205.7327066552, first)
    assert y.max().item() == pytest.approx(1.2713853370, abs=1e-9)


def test_golden_vector_mobile() -> None:
    form = MgicMobile(group_size=4, threshold=8, expansion=3.0, se=True)
    block = build(form, 16, "hardswish")
    fill(block, 0.3)
    with torch.no_grad():
        y = block(wave(1, 16, 6, 6))
    first = [1.7825556043, 1.7591057626, 1.3567975813, 0.6854635814, -0.0417506154]
    check(y, 175.3423171382, 693.8302649557, first)
    assert y.max().item() == pytest.approx(2.2702072006, abs=1e-9)


def test_one_block_couples_all_channels() -> None:
    torch.manual_seed(0)
    block = build(MgicBasic(group_size=8, threshold=16), 64)
    jacobian = torch.autograd.functional.jacobian(
        lambda x: block(x).sum((0, 2, 3)), torch.randn(1, 64, 4, 4, dtype=torch.float64)
    )
    assert (jacobian.abs().sum((1, 3, 4)) > 0).all()


def test_without_prolongation_only_the_finest_level_is_left() -> None:
    torch.manual_seed(0)
    block = build(BASIC, 16)
    nn.init.zeros_(block.prolong.weight)
    x = torch.randn(2, 16, 5, 5, dtype=torch.float64)
    assert torch.equal(block(x), block.smooth(x))


def test_a_group_as_wide_as_the_block_leaves_two_ungrouped_levels() -> None:
    block = build(MgicBasic(group_size=32, threshold=32), 32)
    convs = [conv for conv in block.modules() if isinstance(conv, nn.Conv2d)]
    assert len(convs) == 6
    assert all(conv.groups == 1 for conv in convs)


def test_what_is_prolonged_is_the_coarse_level_s_change() -> None:
    """A coarse level that changes nothing adds nothing."""
    torch.manual_seed(0)
    block = build(MgicBasic(group_size=16, threshold=16), 16)
    nn.init.zeros_(block.coarse.conv2.weight)
    nn.init.uniform_(block.restrict.weight)
    x = torch.rand(1, 16, 3, 3, dtype=torch.float64)
    assert torch.equal(block(x), block.smooth(x))
