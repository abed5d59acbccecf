from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from nas.data._split import split, split_off_test, stratified_order


def test_order_is_a_permutation_fixed_by_its_seed() -> None:
    labels = torch.arange(100) % 7

    order = stratified_order(labels, 3)

    assert sorted(order.tolist()) == list(range(100))
    assert torch.equal(order, stratified_order(labels, 3))
    assert not torch.equal(order, stratified_order(labels, 4))


@given(
    counts=st.lists(st.integers(1, 30), min_size=2, max_size=5),
    seed=st.integers(0, 100),
    cut=st.floats(0, 1),
)
def test_every_prefix_holds_each_class_by_its_share(
    counts: list[int], seed: int, cut: float
) -> None:
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    length = round(cut * len(labels))

    prefix = labels[stratified_order(labels, seed)[:length]]

    for label, count in enumerate(counts):
        share = count * length / len(labels)
        # Half an image of rounding here, and what all classes' rounding adds to the length.
        slack = 0.5 + len(counts) / 2 * count / len(labels)
        assert abs(int((prefix == label).sum()) - share) <= slack + 1e-9


def test_equal_classes_do_not_come_in_the_same_turn_each_round() -> None:
    labels = torch.arange(50) % 5

    rounds = labels[stratified_order(labels, 0)].view(10, 5)

    assert all(sorted(turn.tolist()) == [0, 1, 2, 3, 4] for turn in rounds)
    assert len({tuple(turn.tolist()) for turn in rounds}) > 5


def test_split_takes_one_in_six_disjoint_and_stratified() -> None:
    labels = torch.arange(600) % 10

    rest, taken = split(labels, one_in=6, seed=1)

    assert (len(rest), len(taken)) == (500, 100)
    assert not set(rest.tolist()) & set(taken.tolist())
    assert labels[taken].bincount().tolist() == [10] * 10
    assert labels[rest].bincount().tolist() == [50] * 10


def test_another_seed_takes_other_images() -> None:
    labels = torch.arange(600) % 10

    assert not torch.equal(*(split(labels, one_in=6, seed=seed)[1] for seed in (1, 2)))


def test_test_part_has_no_seed() -> None:
    labels = torch.arange(60) % 3

    rest, test = split_off_test(labels)

    assert len(test) == 10
    assert torch.equal(test, split_off_test(labels)[1])
    assert sorted([*rest.tolist(), *test.tolist()]) == list(range(60))


def test_torchs_global_generator_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)

    stratified_order(torch.arange(20) % 2, 0)

    assert torch.rand(1) == expected


@given(seed=st.integers(0, 50), sizes=st.lists(st.integers(1, 9), min_size=2, max_size=20))
def test_groups_are_never_torn_apart(seed: int, sizes: list[int]) -> None:
    groups = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    labels = torch.arange(len(groups)) % 3

    rest, taken = split(labels, one_in=5, seed=seed, groups=groups)

    assert not set(groups[rest].tolist()) & set(groups[taken].tolist())
    assert sorted([*rest.tolist(), *taken.tolist()]) == list(range(len(groups)))
    assert len(rest) > 0
    assert len(taken) > 0


def test_of_many_groups_as_many_images_of_each_class_are_taken_as_of_single_images() -> None:
    groups = torch.arange(600) // 4
    labels = torch.arange(600) % 4 // 2

    _, taken = split(labels, one_in=6, seed=0, groups=groups)

    assert labels[taken].bincount().tolist() == [50, 50]
