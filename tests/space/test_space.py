"""Genomes: what they decode to, what leaves no trace, and how many settings there are."""

from __future__ import annotations

import pickle
import random
from itertools import product

import pytest

from nas.errors import IllegalArchitecture
from nas.space import SearchSpace, is_legal, load_space
from tests.space.small import CONDITIONAL, FILE, NESTED, TIED, edited, read

SMALL = {"CONDITIONAL": (CONDITIONAL, 27), "NESTED": (NESTED, 24), "TIED": (TIED, 80)}


def every_genome(space: SearchSpace) -> list[tuple[int, ...]]:
    return list(product(*(range(len(gene.labels)) for gene in space.genes)))


@pytest.mark.parametrize("name", SMALL)
def test_settings_are_counted_as_by_brute_force(name: str) -> None:
    text, by_hand = SMALL[name]
    space = read(text)
    distinct = {space.canonical_genome(genome) for genome in every_genome(space)}
    assert space.num_settings == len(distinct) == by_hand
    networks = {space.decode(genome).id for genome in distinct}
    assert len(networks) == by_hand, "these spaces say nothing twice"


def test_settings_of_lru_vgnet_by_hand() -> None:
    lru, half, separable, conv = 5 * 4 * 4, 3 * 3 * 2, 3 * 3, 4
    block, transition = lru + half + separable + conv, 1 + 2 + 1 + 1
    stages = (4 * 2 * 2) * (5 * 3) * (5 * 4) * (transition * block) ** 3
    activation, stem, head = 3, 3 * 2, 1 + 1 + 2
    assert load_space("lru_vgnet").num_settings == activation * stem * stages * head


def test_genes_stand_in_the_order_of_the_file_under_their_paths() -> None:
    assert [(gene.name, gene.labels) for gene in read(CONDITIONAL).genes] == [
        ("stages.0.depth", (1, 2, 3)),
        ("stages.0.block", ("lru", "half_identity", "conv")),
        ("stages.0.block.lru.reuse", (1, 2, 4)),
        ("stages.0.block.lru.groups", (1, 2)),
        ("stages.0.block.half_identity.identity_ratio", (0.25, 0.5)),
    ]


def test_a_choice_within_a_choice_is_a_gene_of_its_own() -> None:
    space = read(NESTED)
    assert [(gene.name, gene.labels) for gene in space.genes] == [
        ("stem.conv.channels", (8, "option 2")),
        ("stem.conv.channels.option_2", (16, 20, 24)),
        ("stages.0.block", ("conv", "option 2")),
        ("stages.0.block.option_2", ("separable", "lru", "lru#3")),
        ("stages.0.block.option_2.lru.reuse", (2, 3)),
        ("stages.0.block.option_2.lru#3.lru.reuse", (2, 4)),
    ]
    widths = {space.decode(genome).stem.channels for genome in every_genome(space)}
    assert widths == {8, 16, 20, 24}


def test_only_numbers_are_ordered() -> None:
    by_name = {gene.name: gene.ordered for gene in read(CONDITIONAL).genes}
    assert by_name["stages.0.depth"]
    assert by_name["stages.0.block.half_identity.identity_ratio"]
    assert not by_name["stages.0.block"]


def test_decoding_follows_the_genome() -> None:
    arch = read(CONDITIONAL).decode((2, 0, 1, 1, 0))
    (stage,) = arch.stages
    assert (stage.depth, stage.block.kind) == (3, "lru")
    assert (stage.block.reuse, stage.block.groups) == (2, 2)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", SMALL)
def test_inactive_genes_leave_no_trace(name: str) -> None:
    space = read(SMALL[name][0])
    for genome in every_genome(space):
        active = space.active_genes(genome)
        canonical = space.canonical_genome(genome)
        assert all(canonical[number] == genome[number] for number in active)
        assert all(canonical[n] == 0 for n in range(len(genome)) if n not in active)
        assert space.active_genes(canonical) == active
        assert space.decode(canonical) == space.decode(genome)
        assert pickle.dumps(space.decode(canonical)) == pickle.dumps(space.decode(genome))


@pytest.mark.parametrize("name", SMALL)
def test_every_active_gene_matters_to_the_record(name: str) -> None:
    space = read(SMALL[name][0])
    for genome in every_genome(space):
        for number in space.active_genes(genome):
            for option in range(len(space.genes[number].labels)):
                other = (*genome[:number], option, *genome[number + 1 :])
                same = space.decode(other) == space.decode(genome)
                assert same == (option == genome[number])


@pytest.mark.parametrize("name", SMALL)
def test_labels_and_genomes_convert_into_each_other(name: str) -> None:
    space = read(SMALL[name][0])
    for genome in every_genome(space):
        labels = space.labels(genome)
        assert list(labels) == [gene.name for gene in space.genes]
        assert space.genome(labels) == genome


def test_labels_are_told_apart_by_type() -> None:
    space = read(edited("{conv: {groups: 1}}", "{half_identity: {se: {choice: [false, true]}}}"))
    labels = space.labels((0, 1))
    assert labels == {"stages.0.channels": 8, "stages.0.block.half_identity.se": True}
    assert space.genome(labels) == (0, 1)
    with pytest.raises(KeyError, match=r"stages\.0\.channels has no option True"):
        space.genome(labels | {"stages.0.channels": True})
    with pytest.raises(KeyError, match="has no option 12"):
        space.genome(labels | {"stages.0.channels": 12})


def test_random_genomes_are_even_and_repeatable() -> None:
    space = read(FILE)
    rng = random.Random(0)
    drawn = [space.random_genome(rng) for _ in range(1000)]
    assert 450 < sum(genome[0] for genome in drawn) < 550
    assert space.random_genome(random.Random(7)) == space.random_genome(random.Random(7))


def test_random_architectures_are_legal() -> None:
    space = read(edited("groups: 1", "groups: {choice: [2, 3]}"))
    rng = random.Random(0)
    assert all(is_legal(space.random_architecture(rng)) for _ in range(20))
    with pytest.raises(IllegalArchitecture, match=r"f.yaml: no legal network in 0 random"):
        space.random_architecture(rng, tries=0)


def test_a_file_with_nothing_open_is_one_architecture() -> None:
    space = read(FILE.replace("{choice: [8, 16]}", "8"))
    assert not space.is_open
    assert (space.genes, space.num_settings, space.random_genome(random.Random(0))) == ((), 1, ())
    assert space.decode(()).name == "example"


def test_spaces_survive_pickling() -> None:
    space = read(TIED)
    again = pickle.loads(pickle.dumps(space))
    assert again == space
    assert again.num_settings == 80
