from __future__ import annotations

from pathlib import Path

import pytest

from nas.bench import (
    RUNGS,
    SEEDS,
    Training,
    all_networks,
    append_training,
    read_trainings,
)

pytestmark = pytest.mark.xdist_group("table")
SHIPPED = Path(__file__).parents[2] / "results" / "lru_vgnet_small_table" / "trainings.jsonl"


def training(arch_id: str, seed: int = 0) -> Training:
    return Training(
        id=arch_id,
        seed=seed,
        accuracies=(0.5, None),
        cpu_s=(1.0, 0.25),
        failures=("Diverged: loss",),
    )


def test_a_line_cut_short_by_a_kill_is_trained_again(tmp_path: Path) -> None:
    path = tmp_path / "trainings.jsonl"
    assert read_trainings(path) == []
    append_training(path, training("one"))
    with path.open("a") as file:
        file.write('{"id": "two", "se')
    assert read_trainings(path) == [training("one")]
    append_training(path, training("two"))

    assert read_trainings(path) == [training("one"), training("two")]


@pytest.fixture(scope="module")
def networks() -> list[str]:
    return list(all_networks())


def test_the_space_has_660_networks(networks: list[str]) -> None:
    assert len(set(networks)) == 660


def test_the_shipped_trainings_are_a_random_sample_of_the_space(networks: list[str]) -> None:
    shipped = read_trainings(SHIPPED)
    known = {one.id for one in shipped}
    assert len({(one.id, one.seed) for one in shipped}) == len(shipped)
    assert {one.seed for one in shipped} == set(SEEDS)
    # Two processes: the last few may have overtaken each other.
    assert set(networks[: len(known) - 4]) <= known <= set(networks[: len(known) + 4])
    for one in shipped:
        assert len(one.accuracies) == len(one.cpu_s) == len(RUNGS)
        assert all(accuracy is not None for accuracy in one.accuracies) or one.failures
