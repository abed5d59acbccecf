"""The ring itself: what it generates, how evenly, with which gradients, and what it keeps."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from nas.sharing import Ring, generated

Shape = tuple[int, int, int]
"""Output channels, input channels, kernel."""

RESNET_18: list[Shape] = [
    *[(64, 64, 3)] * 4,
    *[(128, 64, 1), (128, 64, 3), *[(128, 128, 3)] * 3],
    *[(256, 128, 1), (256, 128, 3), *[(256, 256, 3)] * 3],
    *[(512, 256, 1), (512, 256, 3), *[(512, 512, 3)] * 3],
]
SMALL: list[Shape] = [(8, 3, 3), (16, 8, 1), (16, 8, 3), (5, 16, 1)]
TOTAL = 216 + 128 + 1152 + 80


def ring_of(shapes: list[Shape], size: int, **options: Any) -> Ring:
    """A ring that generates kernels of `shapes`, scaled as in the authors' code."""
    convs = [nn.Conv2d(i, o, k, bias=False, device="meta") for o, i, k in shapes]
    scales = [(4608 / (o * k * k)) ** 0.5 for o, _, k in shapes]
    given = {"scales": scales, "std": (2 / 4608) ** 0.5, **options}
    return Ring([[conv] for conv in convs], size=size, **given)


def flat(ring: Ring) -> Tensor:
    return torch.cat([kernel.detach().flatten() for kernel in ring()])


def uses(ring: Ring) -> list[int]:
    """How often every element is read: by the gradient of the sum of absolute kernels."""
    ring.scales = (1.0,) * len(ring.scales)
    nn.init.ones_(ring.values)
    sum(kernel.abs().sum() for kernel in ring()).backward()
    assert ring.values.grad is not None
    return [int(count) for count in ring.values.grad.tolist()]


# -- rpg.md, section 2.1: which elements -----------------------------------------------------


@pytest.mark.parametrize("size", [7, 100, 1500, TOTAL, TOTAL + 50])
@pytest.mark.parametrize("permute", [True, False])
def test_every_element_is_used_equally_often_or_once_more(size: int, permute: bool) -> None:
    whole, rest = divmod(TOTAL, size)
    counts = Counter(uses(ring_of(SMALL, size, permute=permute)))
    assert counts == +Counter({whole: size - rest, whole + 1: rest})


@pytest.mark.parametrize("size", [7, 100, 300])
def test_even_within_every_layer(size: int) -> None:
    for number, numel in enumerate((216, 128, 1152, 80)):
        ring = ring_of(SMALL, size, even="layer")
        ring.layers = ring.layers[number : number + 1]
        nn.init.ones_(ring.values)
        ring()[number].abs().sum().backward()
        assert ring.values.grad is not None
        counts = Counter((ring.values.grad / ring.scales[number]).round().int().tolist())
        whole, rest = divmod(numel, size)
        assert counts == +Counter({whole: size - rest, whole + 1: rest})


def test_as_many_elements_as_weights_are_never_used_twice() -> None:
    assert max(uses(ring_of(SMALL, TOTAL))) == 1
    assert Counter(uses(ring_of(SMALL, TOTAL + 50))) == {1: TOTAL, 0: 50}


def test_blocks_of_64_stay_together_and_are_used_evenly() -> None:
    shapes: list[Shape] = [(64, 8, 1), (32, 16, 3), (8, 8, 3)]  # 8 + 72 + 9 blocks
    counts = uses(ring_of(shapes, 1280, block=64))
    assert Counter(counts) == {4: 11 * 64, 5: 9 * 64}
    assert all(len(set(counts[i : i + 64])) == 1 for i in range(0, 1280, 64))


@pytest.mark.parametrize("size", [65, 100, 127, 1289])
def test_a_last_block_that_overlaps_leaves_no_element_unread(size: int) -> None:
    shapes: list[Shape] = [(64, 8, 1), (32, 16, 3), (8, 8, 3)]
    counts = uses(ring_of(shapes, size, block=64))
    assert len(counts) == size
    assert min(counts) > 0
    assert sum(counts) == 89 * 64


def test_gradients_through_a_block_that_overlaps_are_those_of_differences() -> None:
    ring = ring_of([(8, 8, 3), (16, 8, 1)], 100, block=64).double()
    weights = [torch.randn(shape, dtype=torch.double) for shape in ring.shapes]

    def total(values: Tensor) -> Tensor:
        with torch.no_grad():
            ring.values.copy_(values)
        return sum((w * kernel).sum() for w, kernel in zip(weights, ring(), strict=True))  # type: ignore[return-value]

    values = torch.randn(100, dtype=torch.double)
    total(values).backward()
    assert ring.values.grad is not None
    for place in (0, 35, 36, 63, 64, 99):
        step = torch.zeros(100, dtype=torch.double)
        step[place] = 1e-3
        change = ((total(values + step) - total(values - step)) / 2e-3).detach()
        assert float(ring.values.grad[place]) == pytest.approx(float(change), abs=1e-8)


def test_kernels_that_fill_no_block_are_cut() -> None:
    kernels = ring_of(SMALL, 640, block=64)()
    assert [kernel.shape for kernel in kernels] == [(o, i, k, k) for o, i, k in SMALL]


def test_in_order_without_permutation() -> None:
    ring = ring_of(SMALL, 100, permute=False, signs=False, scales=[1.0] * 4)
    expected = ring.values.detach().repeat(16)[:TOTAL]
    assert torch.equal(flat(ring), expected)


def test_naive_baseline_reads_every_layer_from_the_start() -> None:
    ring = ring_of(SMALL, 100, permute=False, signs=False, even="layer", scales=[1.0] * 4)
    for kernel in ring():
        assert torch.equal(kernel.flatten()[:80], ring.values[:80])


def test_half_the_signs_are_flipped() -> None:
    ring = ring_of([(64, 64, 3)], 500)
    nn.init.ones_(ring.values)
    (kernel,) = ring()
    assert float(kernel.detach().sign().mean()) == pytest.approx(0, abs=4 / 36_864**0.5)


# -- sections 2.3 to 2.5 and 6.3: what the kernels look like ------------------------------------


@pytest.mark.parametrize("block", [1, 64])
def test_resnet_18_from_the_ring_of_one_layer(block: int) -> None:
    torch.manual_seed(0)
    ring = ring_of(RESNET_18, 2_359_296, block=block)
    kernels = [kernel.detach() for kernel in ring()]
    for kernel, (outputs, _, side) in zip(kernels, RESNET_18, strict=True):
        own = (2 / (outputs * side**2)) ** 0.5
        noise = 4 / (2 * kernel.numel()) ** 0.5
        assert float(kernel.std()) == pytest.approx(own, rel=max(0.01, noise))
    last, before = kernels[-1].flatten(), kernels[-2].flatten()
    cosine = float(last @ before / (last.norm() * before.norm()))
    assert abs(cosine) < 5 / 2_359_296**0.5


def test_the_same_layer_touches_two_thirds_of_the_ring() -> None:
    index = ring_of(RESNET_18, 2_359_296).places().index[-2_359_296:]
    assert len(index.unique()) / 2_359_296 == pytest.approx(0.673, abs=0.002)


def test_filters_of_one_kernel_are_uncorrelated() -> None:
    torch.manual_seed(0)
    filters = ring_of(RESNET_18, 46_080)()[-1].detach().flatten(1)[:128]
    cosines = torch.corrcoef(filters).triu(1)
    rms = float(cosines.square().sum().div(128 * 127 / 2).sqrt())
    assert rms == pytest.approx(1 / 4608**0.5, rel=0.05)


# -- section 2.6: gradients ------------------------------------------------------------------


@pytest.mark.parametrize("block", [1, 64])
@pytest.mark.parametrize("factor", [1.0, 0.25])
def test_gradient_is_the_signed_scaled_sum_over_all_uses(block: int, factor: float) -> None:
    ring = ring_of(SMALL, 320, block=block, gradient_factor=factor).double()
    incoming = [torch.randn_like(kernel) for kernel in ring()]
    torch.autograd.backward(ring(), incoming)

    # R, one row per generated weight, from the kernels of the unit vectors.
    rows = torch.zeros(TOTAL, 320, dtype=torch.float64)
    for element in range(320):
        with torch.no_grad():
            ring.values.copy_(torch.eye(320, dtype=torch.float64)[element])
        rows[:, element] = flat(ring)
    expected = factor * rows.T @ torch.cat([g.flatten() for g in incoming])

    assert ((rows != 0).sum(1) == 1).all()
    torch.testing.assert_close(ring.values.grad, expected, rtol=0, atol=1e-12)


def test_a_kernel_that_nothing_uses_adds_no_gradient() -> None:
    ring = ring_of(SMALL, 100)
    ring()[2].sum().backward()
    assert ring.values.grad is not None


# -- section 2.7: seeds ----------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"block": 64}, {"even": "layer"}])
def test_the_seed_settles_indices_and_signs(options: dict[str, Any]) -> None:
    shapes: list[Shape] = [(32, 32, 3), (64, 32, 1), (16, 16, 2)]
    one, same, other = (ring_of(shapes, 640, seed=seed, **options) for seed in (3, 3, 4))
    same.load_state_dict(one.state_dict())
    with torch.no_grad():
        other.values.copy_(one.values)
    assert torch.equal(flat(one), flat(same))
    assert (one.places().index == other.places().index).float().mean() < 0.5

    products = flat(one) * flat(other)
    assert float(products.sum().abs()) < bound_of_random_signs(products)


def bound_of_random_signs(terms: Tensor) -> float:
    """Which the sum of `terms`, each with a fair sign of its own, exceeds once in 30 million.

    Hoeffding (1963): P(|sum| > t |terms|) <= 2 exp(-t^2 / 2); here t = 6.
    """
    return 6 * float(terms.norm())


def test_a_seed_means_the_same_everywhere() -> None:
    # Computed once; a change here orphans every checkpoint.
    assert int(ring_of(SMALL, 640, seed=1).places().checksum()) == GOLDEN[1]
    assert int(ring_of(SMALL, 640, seed=1, block=64).places().checksum()) == GOLDEN[64]


GOLDEN = {1: 692738163005572274, 64: -8306377961794283759}


def test_scrambled_numbers_are_those_of_splitmix64() -> None:
    # First outputs of SplitMix64 from state 1234567, as other implementations print them.
    from nas.sharing._ring import _GOLDEN, _mix

    states = 1234567 + torch.arange(1, 4) * _GOLDEN
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423 - 2**64]
    assert _mix(states).tolist() == expected


# -- keeping ---------------------------------------------------------------------------------


class Gathers(TorchDispatchMode):
    """Counts gathers."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten.index_select.default
        return func(*args, **(kwargs or {}))


def gathers(ring: Ring, calls: int = 3) -> int:
    ring.places()
    with Gathers() as mode:
        for _ in range(calls):
            ring()
    return mode.count


def test_one_gather_for_all_layers_in_training_and_none_in_eval() -> None:
    ring = ring_of(SMALL, 100)
    assert gathers(ring) == 3
    ring.eval()
    with torch.no_grad():
        assert gathers(ring) == 1
        assert gathers(ring) == 0
    with torch.inference_mode():
        assert gathers(ring) == 0
    assert gathers(ring) == 1  # now with a gradient
    assert gathers(ring) == 0


@pytest.mark.parametrize("change", ["step", "load", "double", "assign"])
def test_kept_kernels_follow_the_ring(change: str) -> None:
    ring = ring_of(SMALL, 100).eval()
    with torch.no_grad():
        before = flat(ring)
        if change == "step":
            ring.values.mul_(2)
        elif change == "load":
            state = ring.state_dict()
            ring.load_state_dict({**state, "values": state["values"] * 2})
        elif change == "assign":
            state = {"values": ring.values * 2, "checksum": ring.state_dict()["checksum"]}
            ring.load_state_dict(state, assign=True)
        else:
            ring.double()
            ring.values.mul_(2)
        torch.testing.assert_close(flat(ring).float(), 2 * before)


def test_gradients_flow_repeatedly_in_eval_mode() -> None:
    ring = ring_of(SMALL, 100).eval()
    for _ in range(2):
        sum(kernel.sum() for kernel in ring()).backward()
    assert ring.values.grad is not None


@pytest.mark.parametrize("fused", [False, True])
def test_training_in_eval_mode_sees_every_step(fused: bool) -> None:
    ring = ring_of(SMALL, 100).eval()
    optimizer = torch.optim.AdamW(ring.parameters(), lr=1.0, fused=fused)
    for _ in range(2):
        before = flat(ring)
        sum(kernel.sum() for kernel in ring()).backward()
        optimizer.step()
        assert not torch.equal(flat(ring), before)


def test_copies_and_pickles_compute_the_same() -> None:
    ring = ring_of(SMALL, 100).eval()
    expected = flat(ring)
    for again in (copy.deepcopy(ring), pickle.loads(pickle.dumps(ring))):
        assert torch.equal(flat(again), expected)
    assert len(pickle.dumps(ring)) < 10_000


def test_the_state_holds_the_ring_and_a_checksum_only() -> None:
    state = ring_of(SMALL, 100).state_dict()
    assert {key: value.numel() for key, value in state.items()} == {"values": 100, "checksum": 1}


def test_weights_for_other_indices_are_refused() -> None:
    state = ring_of(SMALL, 100, seed=1).state_dict()
    with pytest.raises(RuntimeError, match="use the sharing options and the seed of training"):
        ring_of(SMALL, 100, seed=2).load_state_dict(state)


def test_on_the_meta_device_there_are_shapes_only() -> None:
    ring = ring_of(SMALL, 100).to("meta")
    assert [kernel.shape for kernel in ring()] == [(o, i, k, k) for o, i, k in SMALL]
    ring = ring.to_empty(device="cpu")
    state = ring_of(SMALL, 100).state_dict()
    ring.load_state_dict(state)
    assert torch.equal(ring.values.detach(), state["values"])


def test_made_in_inference_mode() -> None:
    with torch.inference_mode():
        ring = ring_of(SMALL, 100).eval()
        assert torch.equal(flat(ring), flat(ring))


# -- layers ----------------------------------------------------------------------------------


def test_layers_have_weights_while_generated() -> None:
    convs = [nn.Conv2d(3, 4, 3, bias=False), nn.Conv2d(3, 4, 3)]
    rings = nn.ModuleList([Ring([convs], size=50, scales=[1.0], std=1.0)])
    with generated(rings):
        assert convs[0].weight is convs[1].weight
        assert convs[0](torch.ones(1, 3, 3, 3)).shape == (1, 4, 1, 1)
    assert not hasattr(convs[0], "weight")
    assert [name for name, _ in convs[1].named_parameters()] == ["bias"]


def test_layers_lose_their_weights_again_after_an_error() -> None:
    conv = nn.Conv2d(3, 4, 3)
    rings = nn.ModuleList([Ring([[conv]], size=50, scales=[1.0], std=1.0)])
    with pytest.raises(ZeroDivisionError), generated(rings):
        _ = 1 / 0
    assert not hasattr(conv, "weight")
