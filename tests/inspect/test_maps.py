from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from nas.inspect import build_untrained, inspect_network, linear_cka
from nas.inspect._maps import FeatureMap, feature_maps, map_changes
from nas.inspect._parts import PlacedPart, placed_parts
from tests.inspect.conftest import FAMILIES, network_of, noise_images


def normal(rows: int, columns: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def part(name: str) -> PlacedPart:
    return PlacedPart(
        section="stage 1", stage=0, role="block", title=name, name=name, module=nn.Identity()
    )


def test_cka_is_one_for_rotated_scaled_and_shifted_features() -> None:
    x = normal(200, 6)
    rotation, _ = torch.linalg.qr(normal(6, 6, seed=1))

    cka = linear_cka([x, 3 * x @ rotation + 5])

    torch.testing.assert_close(cka, torch.ones(2, 2))


def test_cka_of_a_subset_of_equally_strong_features_follows_the_formula() -> None:
    # |X'Y|^2 / (|X'X| |Y'Y|) with X'X = I and Y the first k of d columns: k / sqrt(d k).
    x = normal(2000, 8)
    assert linear_cka([x, x[:, :2]])[0, 1] == pytest.approx(math.sqrt(2 / 8), abs=0.02)


def test_cka_of_unrelated_features_is_zero_however_many_there_are() -> None:
    # The biased estimate would be above 0.9 here.
    assert linear_cka([normal(60, 1000), normal(60, 1000, seed=1)])[0, 1] < 0.1


def test_cka_with_a_constant_is_zero() -> None:
    # A third has no exact mean in binary.
    assert linear_cka([normal(50, 3), torch.full((50, 3), 1 / 3)])[0, 1] == 0


def test_scale_does_not_matter_however_small() -> None:
    x = normal(100, 4)
    maps = [
        FeatureMap(part=part(name), side=(4, 4), values=values)
        for name, values in (("a", 1e-20 * x), ("b", 1e-20 * x[:, :2]))
    ]
    assert map_changes(maps)[0].copied == 1
    torch.testing.assert_close(linear_cka([1e-20 * x, 1e10 * x]), torch.ones(2, 2))


def test_channels_are_copied_near_new_or_dead() -> None:
    before = normal(400, 3)
    after = torch.stack(
        [
            before[:, 2],
            -before[:, 0] + 0.2 * normal(400, 1, seed=5)[:, 0],
            normal(400, 1, seed=6)[:, 0],
            torch.zeros(400),
        ],
        dim=1,
    )
    maps = [
        FeatureMap(part=part(name), side=(4, 4), values=values)
        for name, values in (("a", before), ("b", after))
    ]

    (change,) = map_changes(maps)

    assert (change.copied, change.near, change.new, change.dead) == (0.25, 0.25, 0.25, 0.25)
    assert change.channels == 4


def test_a_change_of_resolution_is_no_change_of_maps() -> None:
    maps = [
        FeatureMap(part=part("a"), side=(8, 8), values=normal(20, 2)),
        FeatureMap(part=part("b"), side=(4, 4), values=normal(20, 2)),
    ]
    assert map_changes(maps) == ()


def test_maps_are_what_the_parts_put_out() -> None:
    arch, data = network_of(FAMILIES["vgnet"]), noise_images()
    network = build_untrained(arch, data).eval()
    parts = placed_parts(arch, network, in_channels=1, num_classes=2)

    maps, accuracy = feature_maps(network, parts, data.val, data)

    assert [(one.part.name, one.side, tuple(one.values.shape)) for one in maps] == [
        ("stem", (12, 12), (320, 8)),
        ("body.0", (6, 6), (320, 16)),
        ("body.1", (6, 6), (320, 16)),
        ("body.2", (6, 6), (320, 16)),
        ("body.3", (3, 3), (320, 32)),
        ("body.4", (3, 3), (320, 32)),
    ]
    assert 0 <= accuracy <= 1
    assert not network.stem._forward_hooks
    # Places are the same in all maps of a resolution: what a half-identity block hands on shows.
    assert all(change.copied + change.dead >= 0.5 for change in map_changes(maps))
    assert map_changes(maps)[0].copied == 0.5


def test_a_pooling_transition_that_only_repeats_is_all_copies() -> None:
    text = FAMILIES["lru"].replace("stride: 2", "stride: 1")
    data = noise_images()
    arch = network_of(text)
    seen = inspect_network(arch, build_untrained(arch, data), data, weights="none")
    assert seen.changes[0].part.role == "transition"
    assert (seen.changes[0].copied, seen.changes[0].cka) == (1.0, 1.0)
