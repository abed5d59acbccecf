"""Who goes on from a rung, without training anything."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from nas.cost import cost_of
from nas.final._finalists import Candidate, Ladder, Measured, choose_finalists
from nas.final._plan import TrainingSettings
from nas.space import load_architecture
from nas.train import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nas.final import TrainingJob

QUICK, SLOW = "lrunet_1_1x", "mobilenet_v1_0.25"
CURVES = {QUICK: (0.80, 0.801), SLOW: (0.60, 0.79)}
"""Accuracies after a tenth and three tenths of the recipe."""


def candidate(name: str) -> Candidate:
    arch = load_architecture(name)
    return Candidate(
        arch=arch,
        trial=0,
        cost=cost_of(arch, input_shape=(1, 28, 28), num_classes=10),
        distances=(),
        measured=(Measured(images=1_000, accuracy=0.5),),
    )


def trained(jobs: Sequence[TrainingJob], *_: Any) -> list[Any]:
    curve = {load_architecture(name).id: CURVES[name] for name in CURVES}
    return [
        SimpleNamespace(
            diverged=None,
            validation={"accuracy": curve[job.plan.arch.id][job.plan.recipe.epochs == 30]},
        )
        for job in jobs
    ]


@pytest.mark.parametrize(("curve", "wins"), [((0.60, 0.79), SLOW), ((0.785, 0.79), QUICK)])
def test_the_one_predicted_best_goes_on_though_another_leads_on_the_rung(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, curve: tuple[float, float], wins: str
) -> None:
    monkeypatch.setitem(CURVES, SLOW, curve)
    ladder = Ladder(
        recipe=Recipe(epochs=100),
        settings=TrainingSettings(),
        finalists=1,
        score="accuracy",
        worst_score=0.1,
        val_images=10_000,
        folder=tmp_path,
    )
    data: Any = SimpleNamespace(train=range(50_000))

    (finalist,) = choose_finalists([candidate(QUICK), candidate(SLOW)], ladder, data, trained)

    assert finalist.arch.id == load_architecture(wins).id
