from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import pytest

from nas.errors import ModelFileError, UserError
from nas.train import (
    Augmentation,
    Optimizer,
    RandAugment,
    Recipe,
    Schedule,
    dump_recipe,
    learning_rates,
    load_recipe,
    parse_recipe,
    recipe_catalogue,
)
from nas.train._recipe import peak_rate

if TYPE_CHECKING:
    from pathlib import Path

OURS = {"light", "standard", "full"}
PAPERS = {"lrunet", "mobilenet_v1", "rpg", "mgic", "vgnet"}


def test_ours_and_the_papers_are_there() -> None:
    assert set(recipe_catalogue()) == OURS | PAPERS


@pytest.mark.parametrize("name", sorted(OURS | PAPERS))
def test_a_recipe_is_the_same_when_written_and_read_again(name: str) -> None:
    recipe = load_recipe(name)

    assert recipe.name == name
    assert recipe.description
    assert parse_recipe(dump_recipe(recipe), source="again") == recipe


def test_what_a_file_leaves_out_is_the_default() -> None:
    assert parse_recipe("epochs: 3", source="short.yaml", name="short") == Recipe(
        name="short", epochs=3
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["r.yaml:1", "a mapping"]),
        ("- 1", ["r.yaml:1", "a mapping"]),
        ("epochs: 3\noptimiser: {}", ["r.yaml:2: optimiser", "did you mean 'optimizer'", "known"]),
        ("epochs: 3\noptimizer:\n  rate: -1", ["r.yaml:3: optimizer.rate", "at least"]),
        ("epochs: 3\noptimizer: {name: adam}", ["r.yaml:2", "'adamw'", "allowed: sgd, adamw"]),
        ("epochs: many", ["r.yaml:1: epochs", "a whole number", "'many'"]),
        ("epochs: 3\nepochs: 4", ["r.yaml:2: epochs", "duplicate key"]),
        ("batch_size: 3", ["epochs", "either epochs or steps", "neither"]),
        ("epochs: 3\nsteps: 4", ["either epochs or steps", "both"]),
        ("epochs: 3\noptimizer: {nesterov: true}", ["r.yaml:2: optimizer.nesterov", "only sgd"]),
        ("epochs: 3\noptimizer: {name: sgd, beta2: 0.9}", ["optimizer.beta2", "only adamw"]),
        ("epochs: 3\nschedule: {shape: step}", ["schedule.milestones", "step needs them"]),
        ("epochs: 3\nschedule: {milestones: [0.5]}", ["schedule.milestones", "no other shape"]),
        (
            "epochs: 3\nschedule: {shape: step, milestones: [0.7, 0.5]}",
            ["schedule.milestones", "must rise"],
        ),
        ("epochs: 3\nschedule: {shape: linear, final: 0.1}", ["schedule.final", "linear"]),
        ("epochs: 3\nschedule: {shape: exponential}", ["schedule.final", "above 0"]),
        ("epochs: 3\naugmentation: {mix_ramp: 0.5}", ["augmentation.mix_ramp", "mixup or cutmix"]),
        ("epochs: {choice: [1, 2]}", ["r.yaml:1: epochs", "left open", "`overrides` epochs="]),
    ],
)
def test_errors_say_where_what_and_what_is_allowed(text: str, words: list[str]) -> None:
    with pytest.raises(ModelFileError) as caught:
        parse_recipe(text, source="r.yaml")

    for word in words:
        assert word in str(caught.value)


def test_every_key_can_be_set() -> None:
    recipe = load_recipe(
        "light",
        [
            "epochs=none",
            "steps=50",
            "optimizer.clip_norm=1",
            "augmentation.rand_augment.magnitude=5",
            "distillation.weight=0.5",
            "schedule.warm_up=0",
        ],
    )

    assert (recipe.epochs, recipe.steps) == (None, 50)
    assert recipe.optimizer.clip_norm == 1.0
    assert recipe.augmentation.rand_augment == RandAugment(magnitude=5)
    assert recipe.distillation is not None
    assert recipe.distillation.weight == 0.5


def test_a_key_that_is_not_there_cannot_be_set() -> None:
    with pytest.raises(UserError, match=r"optimizer\.rat.*did you mean 'rate'"):
        load_recipe("light", ["optimizer.rat=3"])


def test_unknown_names_are_told_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="did you mean 'standard'"):
        load_recipe("standart")
    with pytest.raises(ModelFileError, match="no such recipe file"):
        load_recipe(str(tmp_path / "mine.yaml"))


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("steps: 7\noptimizer: {name: sgd, rate: 0.1, nesterov: true}\n")

    assert load_recipe(str(path)).optimizer == Optimizer(name="sgd", rate=0.1, nesterov=True)


def test_the_proxies_schedule_rises_for_a_fifth_and_ends_near_zero() -> None:
    rates = learning_rates(Schedule(shape="linear", warm_up=0.2), 10, 1.0)

    assert rates == pytest.approx([0.5, 1.0] + [i / 9 for i in range(8, 0, -1)])


SCHEDULES = [
    Schedule(shape="linear", warm_up=0.2),
    Schedule(shape="cosine", warm_up=0.1),
    Schedule(shape="step", milestones=(0.5, 0.75), warm_up=0.05),
    Schedule(shape="exponential", final=0.01),
    Schedule(shape="constant"),
]


@pytest.mark.parametrize("steps", [1, 2, 3, 250])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda one: one.shape)
def test_schedules_have_one_positive_rate_a_step(schedule: Schedule, steps: int) -> None:
    rates = learning_rates(schedule, steps, 0.1)

    assert len(rates) == steps
    assert max(rates) == pytest.approx(0.1)
    assert min(rates) > 0


def test_cosine_falls_as_a_cosine_to_its_final_share() -> None:
    rates = learning_rates(Schedule(shape="cosine", final=0.1), 100, 2.0)

    expected = [2 * (0.1 + 0.9 * (1 + math.cos(math.pi * t / 100)) / 2) for t in range(100)]
    assert rates == pytest.approx(expected)


def test_steps_fall_where_the_milestones_are() -> None:
    rates = learning_rates(Schedule(shape="step", milestones=(0.5, 0.75), factor=0.1), 8, 1.0)

    assert rates == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_exponential_is_the_rpg_scripts() -> None:
    """10 ** (-epoch / 45) over 90 epochs."""
    rates = learning_rates(Schedule(shape="exponential", final=0.01), 90, 1.0)

    assert rates == pytest.approx([10 ** (-epoch / 45) for epoch in range(90)])


def test_a_rate_follows_the_batch_only_where_it_says_so() -> None:
    assert peak_rate(Optimizer(rate=0.02, rate_batch=32), 128) == pytest.approx(0.04)
    assert peak_rate(Optimizer(rate=0.02), 128) == 0.02


def test_lengths_in_steps_and_epochs() -> None:
    assert Recipe(epochs=3).num_steps(10) == 30
    assert Recipe(steps=25).num_epochs(10) == 3
    assert Recipe(epochs=100).shortened(0.1).epochs == 10
    assert Recipe(epochs=3).shortened(0.1).epochs == 1
    assert Recipe(steps=50).shortened(0.5).steps == 25


def test_only_alphas_above_nought_mix() -> None:
    assert not Augmentation().mixes
    assert Augmentation(cutmix=1.0).mixes
    assert not dataclasses.replace(Augmentation(mixup=1.0), mix_share=0.0).mixes
