"""Ids of networks without a stem whose kernels come from rings: the image's channels matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nas.cost import cost_of
from nas.space import parse_space

if TYPE_CHECKING:
    from nas.arch import Architecture


def stemless(sharing: str, stage: str = "channels: 8, block: conv") -> Architecture:
    text = f"stem: none\nstages: [{{{stage}}}]\nhead: gap_linear\nsharing: {{{sharing}}}\n"
    return parse_space(text, source="f.yaml", name="f").decode(())


def ring_params(arch: Architecture, channels: int) -> int:
    return cost_of(arch, input_shape=(channels, 8, 8), num_classes=4).ring_params


@pytest.mark.parametrize("scope", ["network", "stage", "layer"])
def test_a_ring_and_a_ratio_that_are_equal_for_colours_are_two_networks(scope: str) -> None:
    """Of 8 x 3 x 9 weights half are 108; for grey images the half is 36."""
    ring = stemless(f"scope: {scope}, ring: 108")
    ratio = stemless(f"scope: {scope}, ratio: 0.5")
    assert ring_params(ring, 3) == ring_params(ratio, 3) == 108
    assert (ring_params(ring, 1), ring_params(ratio, 1)) == (108, 36)
    assert ring.id != ratio.id


def test_so_are_they_where_the_ring_is_the_stage_s_own() -> None:
    stage = "channels: 8, block: conv, sharing: {{scope: stage, {}}}"
    ring, ratio = (
        stemless("scope: none", stage.format(size)) for size in ("ring: 108", "ratio: 0.5")
    )
    assert ring_params(ring, 3) == ring_params(ratio, 3)
    assert ring.id != ratio.id


def test_so_are_they_where_the_first_other_number_of_channels_does_not_fit() -> None:
    """Groups of three: 3, 6, 9 channels and so on, and not the 11 that are tried first."""
    stage = "channels: 9, block: {conv: {groups: 3}}"
    ring, ratio = (
        stemless(f"scope: network, {size}", stage) for size in ("ring: 40", "ratio: 0.5")
    )
    assert ring_params(ring, 3) == ring_params(ratio, 3) == 40
    assert (ring_params(ring, 6), ring_params(ratio, 6)) == (40, 81)
    assert ring.id != ratio.id


def test_where_no_ring_sees_the_image_a_ring_and_a_ratio_are_one_network() -> None:
    """The second stage's 8 x 8 x 9 weights are the same for all images."""
    text = (
        "stem: none\nstages:\n  - {{channels: 8, block: conv}}\n"
        "  - {{channels: 8, block: conv, sharing: {{scope: stage, {}}}}}\nhead: gap_linear\n"
    )
    ring, ratio = (
        parse_space(text.format(size), source="f.yaml", name="f").decode(())
        for size in ("ring: 288", "ratio: 0.5")
    )
    assert ring.id == ratio.id


def test_where_one_number_of_channels_fits_a_ring_and_a_ratio_are_one_network() -> None:
    stage = "channels: 4, block: {lru: {reuse: 2, groups: 2}}"
    sizes = [stemless("scope: network, ratio: 1.0", stage)]
    total = ring_params(sizes[0], 4)
    sizes.append(stemless(f"scope: network, ring: {total}", stage))
    assert ring_params(sizes[1], 4) == total
    assert sizes[0].id == sizes[1].id
