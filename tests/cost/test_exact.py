"""Exact costs against formulas written by hand, and against what built models measure."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest
import torch

from nas.arch import Ref
from nas.components import call
from nas.cost import cost_of, measure_cost, part_cost
from nas.errors import IllegalArchitecture
from nas.model import build_model, instantiate
from nas.space import catalogue, load_architecture, load_space, parse_space
from nas.trial import Cost

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.arch import Architecture, Call

SPACES = [name for name, path in catalogue().items() if path.parent.name != "zoo"]
RELU = Ref("nn.ReLU")
H, W, H2, W2 = 6, 5, 3, 3
"""An odd side, so that striding has something to round."""
S, S2 = H * W, H2 * W2
"""Pixels before and after a stride of 2."""


def attention(channels: int, hidden: int) -> Call:
    return call(
        "SqueezeExcite", channels=channels, hidden=hidden, activation=RELU, gate=Ref("nn.Sigmoid")
    )


CASES = {
    # A kernel of k x k for each pair of channels in a group, and BatchNorm's scale and shift.
    "conv": (
        call("ConvNormAct", in_channels=4, out_channels=6, kernel=3, stride=2, groups=2,
             activation=RELU),
        4,
        (6 * 2 * 9 + 2 * 6, 0, 6 * 2 * 9 * S2, 4 * S + 6 * S2),
    ),
    "vgnet conv": (
        call("ConvActNorm", in_channels=4, out_channels=6, kernel=5, activation=RELU),
        4,
        (6 * 4 * 25 + 2 * 6, 0, 6 * 4 * 25 * S, (4 + 6) * S),
    ),
    # 2C depthwise 3x3 kernels and a grouped 1x1 once, norms of 2C and C for every application.
    # x is kept for the addition while 2C depthwise and C pointwise channels are made: 4C.
    "lru": (
        call("LruBlock", channels=8, reuse=5, groups=4, shuffle=Ref("halves"), activation=RELU),
        8,
        (
            16 * 9 + 8 * (16 // 4) + 5 * (2 * 16 + 2 * 8),
            0,
            5 * (16 * 9 + 8 * (16 // 4)) * S,
            (8 + 16 + 8) * S,
        ),
    ),
    "maxpool_concat": (
        call("MaxPoolConcat", in_channels=8, out_channels=20, stride=2),
        8,
        (0, 0, 0, max(8 * S + 8 * S2, (8 + 20) * S2)),
    ),
    "concat alone": (
        call("MaxPoolConcat", in_channels=8, out_channels=20), 8, (0, 0, 0, (8 + 20) * S)
    ),
    "lru head": (
        call("LruHead", in_channels=16, num_classes=10, groups=4),
        16,
        (
            8 * (16 // 4) + 2 * 8 + 8 * 10 + 10,
            0,
            (8 * (16 // 4) + 8 * 10) * S2,
            16 * S + 16 * S2,
        ),
    ),
    "lru head without its last ReLU": (
        call("LruHead", in_channels=4, num_classes=10, groups=1, relu=False),
        4,
        (4 * 2 + 2 * 2 + 2 * 10 + 10, 0, (4 * 2 + 2 * 10) * S2, 4 * S + 4 * S2),
    ),
    "gap_linear": (
        call("GapLinear", in_channels=8, num_classes=10),
        8,
        (8 * 10 + 10, 0, 8 * 10, 8 * S + 8),
    ),
    "separable": (
        call("SeparableBlock", in_channels=4, out_channels=6, groups=2,
             depthwise=call("Depthwise", channels=4, kernel=5, stride=2), activation=RELU),
        4,
        (
            4 * 25 + 2 * 4 + 6 * 2 + 2 * 6,
            0,
            (4 * 25 + 6 * 2) * S2,
            4 * S + 4 * S2,
        ),
    ),
    # The left 2 of 8 channels skip the filter. Input 8, filtered 6 and their concatenation 8.
    "half_identity": (
        call("HalfIdentityBlock", channels=8, identity=2, filters=call("Depthwise", channels=6),
             activation=RELU),
        8,
        (6 * 9 + 4 * 8 + 2 * 4, 0, (6 * 9 + 4 * 8) * S, (8 + 6 + 8) * S),
    ),
    # With 6 of 8 left alone the peak is later: input 8, 4 new channels and the result 8.
    "half_identity with fixed kernels": (
        call("HalfIdentityBlock", channels=16, identity=12,
             filters=call("EdgeBank", channels=4), norm_filtered=True, activation=RELU),
        16,
        (2 * 4 + 8 * 16 + 2 * 8, 4 * 9, (4 * 9 + 8 * 16) * S, (16 + 8 + 16) * S),
    ),
    "half_identity with attention": (
        call("HalfIdentityBlock", channels=8, identity=4, filters=call("Depthwise", channels=4),
             attention=attention(4, 3), activation=RELU),
        8,
        (
            4 * 9 + 4 * 8 + 2 * 4 + (4 * 3 + 3) + (3 * 4 + 4),
            0,
            (4 * 9 + 4 * 8) * S + 2 * 4 * 3,
            (8 + 4 + 8) * S,
        ),
    ),
    # 4 filtered channels are handed on, 8 are made from them.
    "vgnet_downsampling": (
        call("VgnetDownsamplingBlock", in_channels=4, out_channels=12, kept=4,
             filters=call("GaussianBlur", channels=4, stride=2), activation=RELU),
        4,
        (
            8 * 4 + 2 * 8,
            4 * 9,
            (4 * 9 + 8 * 4) * S2,
            max(4 * S + 4 * S2, (4 + 8 + 12) * S2),
        ),
    ),
    # 8 runs of channels share 2 depthwise kernels.
    "vgnet head": (
        call("VgnetHead", channels=16, num_classes=10,
             filters=call("Depthwise", channels=16, chunks=8), activation=RELU),
        16,
        (
            2 * 9 + 16 * 16 + 2 * 16 + 16 * 10 + 10,
            0,
            (16 * 9 + 16 * 16) * S + 16 * 10,
            (16 + 16) * S,
        ),
    ),
    "residual": (
        call("ResidualBlock", in_channels=4, out_channels=4, activation=RELU),
        4,
        (2 * 4 * 4 * 9 + 2 * 2 * 4, 0, 2 * 4 * 4 * 9 * S, (4 + 4 + 4) * S),
    ),
    "reused conv": (
        call("Reuse", times=3, block=call("ConvNormAct", in_channels=4, out_channels=4, kernel=3,
                                          activation=RELU)),
        4,
        (4 * 4 * 9 + 3 * 2 * 4, 0, 3 * 4 * 4 * 9 * S, (4 + 4) * S),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_parts_cost_what_the_formulas_say(name: str) -> None:
    made, channels, (params, frozen, macs, peak) = CASES[name]
    found = part_cost(made, (channels, H, W))
    assert (found.params, found.frozen_params, found.macs) == (params, frozen, macs)
    assert found.peak_activation_bytes == 4 * peak


@pytest.mark.parametrize("name", CASES)
def test_parts_measure_what_the_formulas_say(name: str) -> None:
    made, channels, (params, frozen, macs, peak) = CASES[name]
    kernels = part_cost(made, (channels, H, W)).kernels
    assert measure_cost(instantiate(made), input_shape=(channels, H, W)) == Cost(
        params=params,
        ring_params=0,
        kernel_params=sum(weight.size for weight in kernels),
        frozen_params=frozen,
        macs=macs,
        peak_activation_bytes=4 * peak,
    )


NETWORK = """\
stem: {conv: {channels: 8, stride: 1}}
stages:
  - {channels: 16, stride: 2, depth: 2, transition: maxpool_concat, block: {lru: {reuse: 4}}}
head: gap_linear
"""


def test_a_network_is_the_sum_of_its_parts_and_the_largest_of_their_peaks() -> None:
    arch = parse_space(NETWORK, source="f.yaml", name="f").decode(())
    lru = 32 * 9 + 16 * (32 // 8)
    assert cost_of(arch, input_shape=(3, 10, 10), num_classes=7) == Cost(
        params=(8 * 3 * 9 + 16) + 2 * (lru + 4 * (2 * 32 + 2 * 16)) + (16 * 7 + 7),
        ring_params=0,
        kernel_params=8 * 3 * 9 + 2 * lru + 16 * 7,
        frozen_params=0,
        macs=8 * 3 * 9 * 100 + 2 * 4 * lru * 25 + 16 * 7,
        # 8 x 10 x 10 of the stem beside 3 x 10 x 10 of the image; 4 x 16 x 5 x 5 of an LRU block.
        peak_activation_bytes=4 * max(11 * 100, 8 * 100 + 8 * 25, 4 * 16 * 25),
    )


def test_images_too_small_for_the_windows_are_refused() -> None:
    arch = load_architecture("lenet")
    with pytest.raises(IllegalArchitecture) as caught:
        cost_of(arch, input_shape=(1, 4, 4), num_classes=10)
    assert caught.value.rule == "input too small"


@pytest.mark.parametrize("name", ["lrunet_2_1x", "vgnetg_1.0mp_cifar", "resnet20_cifar"])
@pytest.mark.parametrize("sides", [(2, 2), (1, 40)])
def test_a_side_of_one_pixel_strides_on_as_in_torch(name: str, sides: tuple[int, int]) -> None:
    arch = load_architecture(name)
    cost = cost_of(arch, input_shape=(3, *sides), num_classes=10)
    model = build_model(arch, in_channels=3, num_classes=10)
    assert measure_cost(model, input_shape=(3, *sides)) == cost


def test_a_ring_replaces_the_weights_it_generates() -> None:
    space = parse_space(NETWORK, source="f.yaml", name="f")
    plain = cost_of(space.decode(()), input_shape=(3, 10, 10), num_classes=7)
    shared = NETWORK + "sharing: {scope: network, ring: 100}\n"
    arch = parse_space(shared, source="f.yaml", name="f").decode(())
    cost = cost_of(arch, input_shape=(3, 10, 10), num_classes=7)
    generated = 2 * (32 * 9 + 16 * (32 // 8))
    assert cost.ring_params == 100
    assert cost.params == plain.params - generated + 100
    assert (cost.macs, cost.peak_activation_bytes) == (plain.macs, plain.peak_activation_bytes)


def shape_for(name: str) -> tuple[tuple[int, int, int], int]:
    """Image shape and classes at which every network of a space can be counted."""
    return ((1, 28, 28), 10) if name == "lru_vgnet" else ((3, 32, 32), 10)


def mismatches(name: str, count: int, seed: int) -> list[str]:
    space, rng = load_space(name), random.Random(seed)
    shape, classes = shape_for(name)
    wrong = []
    for _ in range(count):
        arch = space.random_architecture(rng)
        exact = cost_of(arch, input_shape=shape, num_classes=classes)
        model = build_model(arch, in_channels=shape[0], num_classes=classes)
        if measure_cost(model, input_shape=shape) != exact:
            wrong.append(arch.canonical_json)
    return wrong


@pytest.mark.parametrize(
    ("name", "count"), [(name, 20 if name == "lru_vgnet" else 7) for name in SPACES]
)
def test_exact_costs_are_those_of_built_models(name: str, count: int) -> None:
    assert mismatches(name, count, seed=1) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", SPACES)
def test_exact_costs_of_two_thousand_networks(name: str) -> None:
    assert mismatches(name, 2000, seed=2) == []


@pytest.mark.slow
def test_costs_are_known_fifty_times_sooner_than_measured() -> None:
    """Processor time of each network, caches cold, as the first search of a process finds them."""
    space, rng = load_space("lru_vgnet"), random.Random(3)
    archs = [space.random_architecture(rng) for _ in range(5_000)]
    measure(archs[0])  # what is loaded by then is no network's time
    part_cost.cache_clear()

    known_s = processor_s(lambda: [known(one) for one in archs]) / len(archs)
    measured_s = processor_s(lambda: [measure(one) for one in archs[:20]]) / 20
    assert measured_s > 50 * known_s


def known(arch: Architecture) -> Cost:
    return cost_of(arch, input_shape=(1, 28, 28), num_classes=10)


def measure(arch: Architecture) -> Cost:
    model = build_model(arch, in_channels=1, num_classes=10)
    return measure_cost(model, input_shape=(1, 28, 28))


def processor_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.mark.parametrize("name", ["lrunet_2_1x", "vgnetg_1.0mp", "mobilenet_v1_0.25"])
def test_stored_bytes_are_those_of_a_model_that_runs_alone(name: str) -> None:
    arch = load_architecture(name)
    cost = cost_of(arch, input_shape=(3, 32, 32), num_classes=10)
    with torch.device("meta"):
        model = build_model(arch, in_channels=3, num_classes=10)
    kept = [
        tensor
        for tensor_name, tensor in model.state_dict().items()
        # Folded into scale and shift.
        if not tensor_name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    ]
    kernels = sum(tensor.numel() for tensor in kept if tensor.dim() > 1)
    others = sum(tensor.numel() for tensor in kept if tensor.dim() <= 1)

    assert cost.stored_bytes == 4 * (kernels + others)
    assert cost.int8_stored_bytes == kernels + 4 * others
    assert cost.int8_peak_activation_bytes * 4 == cost.peak_activation_bytes


def test_a_ring_is_stored_once() -> None:
    shared = "sharing: {scope: network, ratio: 0.25}\n"
    dense, ring = (
        cost_of(
            parse_space(text, source="f.yaml", name="f").decode(()),
            input_shape=(3, 10, 10),
            num_classes=7,
        )
        for text in (NETWORK, NETWORK + shared)
    )
    assert 0 < ring.ring_params < dense.kernel_params
    assert ring.kernel_params >= ring.ring_params
    saved = dense.params - ring.params
    assert saved == dense.kernel_params - ring.kernel_params > 0
    assert dense.stored_bytes - ring.stored_bytes == 4 * saved
    assert dense.int8_stored_bytes - ring.int8_stored_bytes == saved
