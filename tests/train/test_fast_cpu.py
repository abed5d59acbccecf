from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nas.families.lru.modules import LruBlock
from nas.layers.depthwise import Depthwise
from nas.layers.shuffle import halves, halves_interleave, interleave
from nas.model import build_model
from nas.space import load_architecture
from nas.train._fast_cpu import fast_cpu_kernels

if TYPE_CHECKING:
    from collections.abc import Callable


def depthwise(channels: int, kernels: int = 1, *, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(
        channels,
        kernels * channels,
        kernel,
        stride,
        kernel // 2,
        groups=channels,
        bias=False,
    )


def both(model: nn.Module, x: Tensor) -> tuple[list[Tensor], ...]:
    """Output and gradients of a model as it is, and in the context."""
    results = []
    for quick in (False, True):
        module, held = copy.deepcopy(model), x.clone().requires_grad_()
        if quick:
            with fast_cpu_kernels(module):
                y = module(held)
        else:
            y = module(held)
        y.square().sum().backward()
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        results.append([y, held.grad, *gradients])
    return results[0], results[1]


def assert_same(model: nn.Module, x: Tensor) -> None:
    plain, quick = both(model, x)
    assert len(plain) == len(quick)
    for one, other in zip(plain, quick, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@given(
    channels=st.integers(2, 9),
    kernels=st.sampled_from([1, 2]),
    kernel=st.sampled_from([3, 5, 7]),
    stride=st.integers(1, 3),
    height=st.integers(3, 9),
    width=st.integers(3, 9),
    in_rows=st.booleans(),
)
@settings(max_examples=60)
def test_depthwise_convolutions_stay_the_same(
    channels: int, kernels: int, kernel: int, stride: int, height: int, width: int, in_rows: bool
) -> None:
    torch.manual_seed(channels)
    x = torch.randn(2, channels, height, width)
    if not in_rows:
        x = x.to(memory_format=torch.channels_last)
    assert_same(depthwise(channels, kernels, kernel=kernel, stride=stride), x)


def test_a_bias_is_added() -> None:
    torch.manual_seed(0)
    for conv in (nn.Conv2d(4, 4, 5, groups=4), nn.Conv2d(4, 8, 3, groups=4)):
        assert_same(conv, torch.randn(2, 4, 9, 9))


def test_chunks_are_still_folded_into_the_batch() -> None:
    torch.manual_seed(0)
    assert_same(Depthwise(8, kernel=5, chunks=4), torch.randn(2, 8, 6, 6))


def test_kernels_that_are_not_trained_get_no_gradient() -> None:
    conv = depthwise(4, kernel=5)
    conv.weight.requires_grad_(False)
    with fast_cpu_kernels(conv):
        conv(torch.randn(1, 4, 6, 6).requires_grad_()).sum().backward()
    assert conv.weight.grad is None


@pytest.mark.parametrize("shuffle", [None, interleave, halves, halves_interleave])
@pytest.mark.parametrize("training", [True, False])
def test_a_reused_layer_computes_the_same(
    shuffle: Callable[[Tensor], Tensor] | None, training: bool
) -> None:
    torch.manual_seed(0)
    block = LruBlock(8, reuse=3, activation=nn.ReLU, groups=2, shuffle=shuffle)
    x = torch.randn(4, 8, 6, 6).to(memory_format=torch.channels_last)
    assert_same(block.train(training).double(), x.double())


def test_maps_stay_in_their_memory_format() -> None:
    block = LruBlock(8, reuse=2, activation=nn.ReLU, shuffle=halves_interleave)
    seen: list[bool] = []
    for norm in (*block.depthwise_norms, *block.pointwise_norms):
        norm.register_forward_pre_hook(
            lambda _, inputs: seen.append(
                inputs[0].is_contiguous(memory_format=torch.channels_last)
            )
        )
    with fast_cpu_kernels(block):
        block(torch.randn(4, 8, 6, 6).to(memory_format=torch.channels_last))
    assert seen == [True] * 4


def test_everything_is_put_back_whatever_happens() -> None:
    block = LruBlock(8, reuse=2, activation=nn.ReLU, shuffle=interleave)
    before = {name: dict(vars(module)) for name, module in block.named_modules()}
    with pytest.raises(ZeroDivisionError), fast_cpu_kernels(block):
        raise ZeroDivisionError
    assert {name: dict(vars(module)) for name, module in block.named_modules()} == before


@pytest.mark.parametrize("name", ["lrunet_2_1x", "mgic_mobilenetv3_small_cifar"])
def test_zoo_networks_compute_the_same(name: str) -> None:
    torch.manual_seed(0)
    model = build_model(load_architecture(name), in_channels=3, num_classes=10).double()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    assert_same(model, torch.randn(2, 3, 32, 32).double())


def test_a_kernel_that_strides_over_one_pixel_has_a_gradient_in_bfloat16() -> None:
    for _ in range(20):  # what oneDNN leaves unset is only at times not a number
        junk = [torch.full((576 * size,), float("nan")) for size in (1, 2, 4, 8)]
        del junk
        conv = nn.Conv2d(8, 8, 3, stride=2, padding=1).to(memory_format=torch.channels_last)
        x = torch.rand(16, 8, 1, 1).to(memory_format=torch.channels_last)
        with fast_cpu_kernels(conv), torch.autocast("cpu", dtype=torch.bfloat16):
            conv(x.bfloat16()).float().square().sum().backward()

        assert conv.weight.grad is not None
        assert conv.weight.grad.isfinite().all()
