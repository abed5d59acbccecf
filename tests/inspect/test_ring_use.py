from __future__ import annotations

import pytest
import torch

from nas.inspect import build_untrained
from nas.inspect._parts import placed_parts
from nas.inspect._plot_rings import use_bins
from nas.inspect._ring_use import RingUse, ring_uses
from nas.sharing import Ring
from tests.inspect.conftest import RING, network_of, noise_images


def uses_of(text: str) -> RingUse:
    arch = network_of(text)
    network = build_untrained(arch, noise_images())
    (ring,) = ring_uses(network, placed_parts(arch, network, in_channels=1, num_classes=2))
    return ring


def test_every_weight_reads_one_element() -> None:
    ring = uses_of(RING)
    # Depthwise 8 x 9 and 16 x 9, pointwise 8 x 16 and 16 x 16.
    weights = 72 + 144 + 128 + 256
    assert int(ring.uses.sum()) == weights
    assert ring.readers == (("stage 1", weights),)
    assert (int(ring.uses.min()), int(ring.uses.max())) == (6, 6)


@pytest.mark.parametrize("hashed", ["element", "block"])
def test_uses_are_those_that_gradients_count(hashed: str) -> None:
    text = RING.replace("ring: 100", f"ring: 128, hash: {hashed}, signs: false, scale: none")
    arch = network_of(text)
    network = build_untrained(arch, noise_images())
    (ring,) = ring_uses(network, placed_parts(arch, network, in_channels=1, num_classes=2))

    rings = [module for module in network.modules() if isinstance(module, Ring)]
    torch.autograd.backward([kernel.sum() for one in rings for kernel in one()])

    (values,) = [p for name, p in network.named_parameters() if name.endswith("values")]
    assert values.grad is not None
    assert values.grad.tolist() == ring.uses.tolist()


def test_without_sharing_there_are_no_rings() -> None:
    arch = network_of(RING.replace("scope: network, ring: 100", "scope: none"))
    network = build_untrained(arch, noise_images())
    assert ring_uses(network, placed_parts(arch, network, in_channels=1, num_classes=2)) == ()


def test_bins_cover_every_count_once() -> None:
    uses = torch.tensor([1, 2, 2, 30, 31, 40])
    bins = use_bins(uses)
    assert len(bins) <= 8
    assert sum(int(((uses >= low) & (uses <= high)).sum()) for low, high in bins) == 6
    assert use_bins(torch.tensor([6, 6])) == [(6, 6)]
