"""VGNet's modules: what is handed on untouched, what is fixed, and what the fixed kernels do."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from nas.arch import Block, Call, Slot, Transition
from nas.families.vgnet.options import HalfIdentity, VgnetDownsampling
from nas.layers import depthwise as filters
from nas.layers.depthwise import Depthwise
from nas.layers.squeeze_excite import SqueezeExcite
from nas.model import instantiate


def build(part: Block | Transition, c_in: int, c_out: int, stride: int = 1) -> nn.Module:
    torch.manual_seed(0)
    call = part.call(Slot("part", c_in, c_out, stride, "relu"))
    assert isinstance(call, Call)
    module = instantiate(call).eval()
    assert isinstance(module, nn.Module)
    return module


def changed_pixels(module: nn.Module, x: Tensor, channel: int) -> Tensor:
    """Which outputs differ once the pixel in the middle of one channel is perturbed: (C, H, W)."""
    y = x.clone()
    y[0, channel, 4, 4] += 1
    return (module(y) != module(x))[0]


def test_the_right_half_is_handed_on_and_becomes_the_left() -> None:
    block, x = build(HalfIdentity(), 16, 16), torch.randn(1, 16, 9, 9)
    assert torch.equal(block(x)[:, :8], x[:, 8:])


def test_the_left_half_reaches_new_channels_only_and_is_not_mixed_in_space() -> None:
    block, x = build(HalfIdentity(), 16, 16), torch.randn(1, 16, 9, 9)
    block.activation = nn.Identity()  # a ReLU may hide a change
    for channel in (0, 7):
        changed = changed_pixels(block, x, channel)
        assert not changed[:8].any()
        assert changed[8:, 4, 4].all()
        assert changed.sum() == 8
    changed = changed_pixels(block, x, 8)[8:]
    assert changed[:, 3:6, 3:6].all()
    assert changed.sum() == 8 * 9


@pytest.mark.parametrize(("ratio", "identity"), [(0.0, 0), (0.25, 4), (0.75, 12), (0.3, 4)])
def test_other_identity_ratios(ratio: float, identity: int) -> None:
    block, x = build(HalfIdentity(identity_ratio=ratio), 16, 16), torch.randn(1, 16, 5, 5)
    assert block.filters.weight.shape[0] == 16 - identity
    assert torch.equal(block(x)[:, :8], x[:, 8:])


@pytest.mark.parametrize(
    ("kernels", "signs"), [("gaussian", (1.0001, -1.0001)), ("gaussian_positive", (1.0, 1.0))]
)
def test_downsampling_keeps_the_blurred_input(kernels: str, signs: tuple[float, float]) -> None:
    down = build(VgnetDownsampling(kernels=kernels), 8, 16, stride=2)
    x = torch.randn(1, 8, 8, 8)
    assert torch.equal(down(x)[:, :8], down.filters(x))
    flat = down(torch.ones(1, 8, 8, 8))[0, :8, 1:-1, 1:-1]
    expected = torch.tensor(signs * 4).view(8, 1, 1).expand_as(flat)
    torch.testing.assert_close(flat, expected)


@pytest.mark.parametrize(
    ("c_in", "c_out", "kept"), [(28, 56, 28), (224, 368, 184), (32, 72, 32), (24, 16, 0)]
)
def test_how_many_filtered_channels_are_kept(c_in: int, c_out: int, kept: int) -> None:
    down, x = build(VgnetDownsampling(), c_in, c_out, stride=2), torch.randn(1, c_in, 6, 6)
    y = down(x)
    assert y.shape == (1, c_out, 3, 3)
    assert torch.equal(y[:, :kept], down.filters(x)[:, c_in - kept :])
    assert down.pointwise.weight.shape[:2] == (c_out - kept, c_in)


@pytest.mark.parametrize("name", ["EdgeBank", "EdgeGaussianBank", "GaussianBlur"])
def test_fixed_kernels_are_saved_but_never_trained(name: str) -> None:
    bank = getattr(filters, name)(16)
    assert list(bank.parameters()) == []
    assert list(bank.state_dict()) == ["weight"]
    before = bank.weight.clone()
    layer = nn.Sequential(nn.Conv2d(3, 16, 1), bank)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0, weight_decay=0.1)
    layer(torch.randn(1, 3, 5, 5)).square().sum().backward()
    optimizer.step()
    assert torch.equal(bank.weight, before)
    assert not bank.weight.requires_grad


def test_sums_of_the_bank_of_eight() -> None:
    """Edges map a constant to 0; the Gaussians keep it."""
    weight = filters.EdgeGaussianBank(16).weight
    sums = weight.sum((1, 2, 3))
    expected = torch.tensor([0.0] * 6 + [1.0001, 1.0] * 1)
    torch.testing.assert_close(sums[:8], expected, atol=1e-6, rtol=0)
    norms = weight.abs().sum((1, 2, 3))[:6]
    torch.testing.assert_close(norms, torch.tensor([4, 4, 2, 2, 16 / 3, 16 / 3]))
    assert torch.equal(weight[:8], weight[8:])
    assert torch.equal(filters.EdgeBank(4).weight, weight[:4])
    assert torch.equal(weight[5], weight[4].flip(2))


@pytest.mark.parametrize(("row", "sigma"), [(6, 1.1), (7, 0.6)])
def test_gaussians_of_the_bank(row: int, sigma: float) -> None:
    weight = filters.EdgeGaussianBank(8).weight[row, 0]
    expected = torch.tensor(
        [[math.exp(-(i * i + j * j) / (2 * sigma**2)) for j in (-1, 0, 1)] for i in (-1, 0, 1)]
    )
    torch.testing.assert_close(weight, expected / expected.sum(), atol=5.1e-5, rtol=0)


def test_late_blur_is_a_normalised_gaussian_of_sigma_one() -> None:
    weight = filters.PositiveGaussianBlur(1).weight[0, 0]
    expected = torch.tensor(
        [[math.exp(-(i * i + j * j) / 2) for j in (-1, 0, 1)] for i in (-1, 0, 1)]
    )
    torch.testing.assert_close(weight, expected / expected.sum())


def test_norm_follows_the_activation() -> None:
    seen = []
    block = build(HalfIdentity(), 16, 16)
    block.norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].min().item()))
    block(torch.randn(2, 16, 5, 5))
    assert seen == [0.0]


def test_a_zeroed_gate_halves_the_new_channels_alone() -> None:
    plain, gated = build(HalfIdentity(), 16, 16), build(HalfIdentity(se=True), 16, 16)
    gated.load_state_dict(plain.state_dict(), strict=False)
    nn.init.zeros_(gated.attention.expand.weight)
    nn.init.zeros_(gated.attention.expand.bias)
    x = torch.randn(1, 16, 5, 5)
    torch.testing.assert_close(gated(x)[:, 8:], plain(x)[:, 8:] / 2)
    assert torch.equal(gated(x)[:, :8], x[:, 8:])


@pytest.mark.parametrize(
    ("channels", "hidden"), [(28, 8), (56, 16), (184, 48), (208, 56), (96, 24), (272, 72)]
)
def test_width_of_the_gate(channels: int, hidden: int) -> None:
    block = build(HalfIdentity(se=True), 2 * channels, 2 * channels)
    assert isinstance(block.attention, SqueezeExcite)
    assert block.attention.reduce.out_channels == hidden


def test_chunks_share_their_kernels() -> None:
    torch.manual_seed(0)
    shared, x = Depthwise(16, chunks=8), torch.randn(2, 16, 5, 5)
    assert shared.weight.shape == (2, 1, 3, 3)
    expected = torch.cat([Depthwise.forward(one_chunk(shared), part) for part in x.chunk(8, 1)], 1)
    torch.testing.assert_close(shared(x), expected)


def one_chunk(shared: Depthwise) -> Depthwise:
    single = Depthwise(2)
    single.load_state_dict(shared.state_dict())
    return single
