"""The trace's counts, and peak memory on schedules small enough to draw."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from nas.arch import LayerTrace, Op, Weight, peak_live_size, strided


def op(reads: tuple[int, ...], writes: int, size: int, *, in_place: bool = False) -> Op:
    return Op(reads, writes, size, in_place)


@pytest.mark.parametrize(
    ("ops", "peak"),
    [
        pytest.param([], 10, id="nothing happens"),
        pytest.param([op((0,), 1, 7)], 17, id="input and output live together"),
        pytest.param([op((0,), 1, 7), op((1,), 2, 20)], 27, id="the input dies after its use"),
        pytest.param([op((0,), 1, 30), op((1,), 2, 5)], 40, id="the peak may come first"),
        pytest.param(
            [op((0,), 1, 7), op((1,), 2, 20), op((0, 2), 3, 1)],
            37,
            id="a shortcut keeps the input alive",
        ),
        pytest.param(
            [op((0,), 1, 10, in_place=True)], 10, id="in place takes over what nobody reads"
        ),
        pytest.param(
            [op((0,), 1, 10, in_place=True), op((0, 1), 2, 1)],
            21,
            id="in place needs a new map where the old is still read",
        ),
        pytest.param(
            [op((0,), 1, 4, in_place=True)], 14, id="in place needs a map of its own size"
        ),
        pytest.param(
            [op((0,), 1, 2), op((0, 1), 2, 10, in_place=True)],
            12,
            id="a small gate scales a map in place",
        ),
        pytest.param(
            [op((0,), 1, 10), op((0, 1), 2, 10, in_place=True)],
            20,
            id="an addition takes over one of two",
        ),
        pytest.param([op((0, 0), 1, 20)], 30, id="a map that is read twice in one op counts once"),
        pytest.param(
            [op((0,), 1, 7), op((0,), 2, 8), op((1, 2), 3, 15)],
            30,
            id="concatenation holds both and the result",
        ),
        pytest.param(
            [op((0,), 1, 5), op((0,), 2, 50)], 60, id="a result nobody reads is gone at once"
        ),
        pytest.param(
            [op((0,), 1, 10), op((1,), 1, 10, in_place=True), op((1,), 2, 3)],
            20,
            id="a true in-place operation writes into what it reads",
        ),
    ],
)
def test_peak_of_an_input_of_ten(ops: list[Op], peak: int) -> None:
    assert peak_live_size(ops, {0: 10}) == peak


def test_a_weight_counts_its_elements() -> None:
    assert Weight(8, 16, 3, 1, False).size == 16 * 8 * 9
    assert Weight(8, 16, 3, 8, True).size == 16 * 1 * 9
    assert Weight(8, 16, 1, 4, False).size == 16 * 2


def test_a_convolution() -> None:
    trace = LayerTrace()
    out = trace.conv(trace.input(3, 9, 7), trace.weight(3, 8, kernel=3), stride=2)
    assert (out.channels, out.height, out.width) == (8, 5, 4)
    assert (trace.params, trace.frozen_params) == (8 * 3 * 9, 0)
    assert trace.macs == 8 * 3 * 9 * 5 * 4
    assert trace.peak_activation_bytes() == 4 * (3 * 9 * 7 + 8 * 5 * 4)


def test_a_weight_counts_once_and_its_applications_each() -> None:
    trace = LayerTrace()
    x, weight = trace.input(4, 5, 5), trace.weight(4, 4, kernel=1, bias=True)
    for _ in range(3):
        x = trace.conv(x, weight)
    assert trace.params == 16 + 4
    assert trace.macs == 3 * 16 * 25
    assert trace.kernels == [weight]
    assert trace.weights == [16]


def test_depthwise_filters_share_their_kernels_between_chunks() -> None:
    trace = LayerTrace()
    trace.depthwise(trace.input(16, 6, 6), kernel=5, stride=2, chunks=4)
    assert trace.params == 4 * 25
    assert trace.macs == 16 * 25 * 9


def test_fixed_kernels_are_frozen_but_work() -> None:
    trace = LayerTrace()
    trace.depthwise(trace.input(8, 6, 6), frozen=True)
    assert (trace.params, trace.frozen_params, trace.macs) == (0, 72, 8 * 9 * 36)
    assert trace.kernels == []


def test_norms_have_scale_and_shift() -> None:
    trace = LayerTrace()
    x = trace.input(8, 2, 2)
    trace.norm(trace.norm(x))
    assert trace.params == 32
    assert trace.peak_activation_bytes() == 4 * 32


def test_linear_and_pooling() -> None:
    trace = LayerTrace()
    pooled = trace.global_pool(trace.input(8, 3, 3))
    out = trace.linear(pooled, 10)
    assert (out.channels, out.height, out.width) == (10, 1, 1)
    assert (trace.params, trace.macs) == (90, 80)
    assert trace.peak_activation_bytes() == 4 * (72 + 8)


def test_max_pool_and_slices() -> None:
    trace = LayerTrace()
    x = trace.input(8, 5, 5)
    half = trace.slice(x, 4)
    assert (half.channels, half.storage) == (4, x.storage)
    pooled = trace.max_pool(half)
    assert (pooled.channels, pooled.height, pooled.width) == (4, 3, 3)
    joined = trace.copy(pooled, pooled)
    assert joined.channels == 8
    assert trace.peak_activation_bytes() == 4 * (200 + 36)
    assert (trace.params, trace.macs) == (0, 0)


@pytest.mark.parametrize(
    ("size", "stride", "out"), [(7, 1, 7), (7, 2, 4), (8, 2, 4), (2, 2, 1), (9, 4, 3), (1, 1, 1)]
)
def test_sides_after_a_stride(size: int, stride: int, out: int) -> None:
    assert strided(size, stride) == out


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("sides", [(1, 1), (1, 9), (2, 1), (7, 4)])
def test_strides_over_one_pixel_are_torch_s(kernel: int, sides: tuple[int, int]) -> None:
    x = torch.zeros(1, 1, *sides)
    out = functional.conv2d(x, torch.zeros(1, 1, kernel, kernel), stride=2, padding=kernel // 2)
    assert out.shape[2:] == tuple(strided(side, 2) for side in sides)
