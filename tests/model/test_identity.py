"""`Architecture.id` and the network are one: equal ids build equal networks, others do not.

Networks are compared by the shapes of their weights, and by outputs under weights that follow
from these shapes alone.
"""

from __future__ import annotations

import random
from contextlib import nullcontext
from itertools import product
from typing import TYPE_CHECKING

import pytest

from nas.arch import _identity
from nas.cost import cost_of
from nas.errors import IllegalArchitecture, UserError
from nas.space import catalogue, is_legal, load_space, parse_space
from tests.model.fill import signature

if TYPE_CHECKING:
    from nas.arch import Architecture
    from nas.space import Genome, SearchSpace

TINY = """\
stem: {conv: {channels: 2, stride: 1}}
stages:
  - channels: {choice: [2, 4]}
    stride: {choice: [1, 2]}
    transition:
      choice:
        - none
        - maxpool_concat
        - conv
        - vgnet_downsampling: {kernels: {choice: [learned, gaussian]}}
    block:
      choice:
        - lru:
            reuse: {choice: [1, 2]}
            groups: {choice: [1, 2]}
            shuffle: {choice: [none, interleave, halves, halves_interleave]}
        - conv: {groups: {choice: [1, 2]}}
        - half_identity: {identity_ratio: {choice: [0, 0.3, 0.4, 0.5]}}
head: gap_linear
"""
"""Where options make no difference: two channels, one application, no stride, rounded ratios."""

SPACES = [name for name, path in catalogue().items() if path.parent.name != "zoo"]


def test_ids_and_networks_agree_in_every_setting_of_a_space_full_of_twins() -> None:
    space = parse_space(TINY, source="tiny.yaml", name="tiny")
    networks: dict[str, set[object]] = {}
    ids: dict[object, set[str]] = {}
    settings = {
        space.canonical_genome(genome)
        for genome in product(*(range(len(gene.labels)) for gene in space.genes))
    }
    legal = [arch for arch in map(space.decode, settings) if is_legal(arch)]
    for arch in legal:
        network = signature(arch)
        networks.setdefault(arch.id, set()).add(network)
        ids.setdefault(network, set()).add(arch.id)
    assert len(networks) < len(legal) < len(settings), "there are twins, and illegal settings"
    assert [len(found) for found in networks.values()] == [1] * len(networks)
    assert [len(found) for found in ids.values()] == [1] * len(ids)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize(
    "pairs", [12, pytest.param(500, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_neighbours_have_the_same_id_exactly_if_they_are_the_same_network(
    name: str, pairs: int
) -> None:
    """One gene at a time changes: that is where an option can make no difference."""
    space, rng = load_space(name), random.Random(0)
    twins = 0
    for _ in range(pairs):
        one, other = neighbours(space, rng)
        first, second = space.decode(one), space.decode(other)
        same = signature(first, side=32) == signature(second, side=32)
        assert same == (first.id == second.id), (space.labels(one), space.labels(other))
        twins += same
    assert twins < pairs


def neighbours(space: SearchSpace, rng: random.Random) -> tuple[Genome, Genome]:
    """Two legal settings that differ in one active gene."""
    while True:
        one = space.random_genome(rng)
        number = rng.choice(space.active_genes(one))
        other = (*one[:number], rng.randrange(len(space.genes[number].labels)), *one[number + 1 :])
        if other != one and all(is_legal(space.decode(genome)) for genome in (one, other)):
            return one, other


def test_no_two_of_many_random_networks_share_an_id() -> None:
    space, rng = load_space("lru_vgnet"), random.Random(1)
    archs = [space.random_architecture(rng) for _ in range(60)]
    assert len({arch.id for arch in archs}) == len({signature(arch, side=32) for arch in archs})


# -- without a stem ----------------------------------------------------------------------------


def stemless(stage: str, more: str = "") -> Architecture:
    text = f"stem: none\nstages: [{{{stage}}}]\nhead: gap_linear\n{more}"
    return parse_space(text, source="f.yaml", name="f").decode(())


def test_a_network_for_six_channels_needs_none_for_three() -> None:
    arch = stemless("channels: 6, block: {lru: {reuse: 2, groups: 3}}")
    assert is_legal(arch)
    assert cost_of(arch, input_shape=(6, 1, 50), num_classes=4).params > 0
    with pytest.raises(IllegalArchitecture, match="from 3 to 6 channels"):
        cost_of(arch, input_shape=(3, 1, 50), num_classes=4)
    assert arch.id != stemless("channels: 6, block: {lru: {reuse: 2, groups: 2}}").id


def test_rings_of_a_network_that_other_channels_do_not_fit() -> None:
    sharing = "sharing: {scope: layer, ratio: 0.5, private: []}\n"
    arch = stemless("channels: 4, transition: maxpool_concat, block: conv", sharing)
    assert is_legal(arch)
    assert arch.id != stemless("channels: 4, transition: maxpool_concat, block: conv").id


def test_what_fits_no_channels_is_refused_with_the_reason() -> None:
    with pytest.raises(IllegalArchitecture, match="groups 7 does not divide"):
        stemless("channels: 8, block: {conv: {groups: 7}}")


@pytest.mark.parametrize("second", ["one", "two"])
def test_image_channels_are_tried_only_where_they_matter(
    second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3 do not do, 1 does; two heads of one name do at no number, which is seen at once."""
    text = (
        "stem: none\n"
        "stages:\n  - {channels: 2, stride: 2, transition: maxpool_concat, block: conv}\n"
        "head: {multi: {heads: [{name: one, outputs: 2, head: gap_linear},"
        f" {{name: {second}, outputs: 2, head: gap_linear}}]}}}}\n"
    )
    tried, refusal = set(), _identity._refusal

    def counted(arch: Architecture, channels: int) -> IllegalArchitecture | None:
        tried.add(channels)
        return refusal(arch, channels)

    monkeypatch.setattr(_identity, "_refusal", counted)
    with (
        nullcontext()
        if second == "two"
        else pytest.raises(UserError, match="2 heads are called one")
    ):
        assert parse_space(text, source="x.yaml", name="x").decode(()).id
    assert tried == {1, 3}
