"""What is reckoned of finalists without training any: agreement, and how long a recipe is."""

from __future__ import annotations

import pytest

from nas.final import _train_run as module
from nas.final._front import FinalMember, agreement
from nas.train import load_recipe


def member(proxy: float, validation: float, test: float, *, on_front: bool) -> FinalMember:
    return FinalMember(
        arch_id="a",
        trial=0,
        description="",
        costs={},
        proxy=proxy,
        rungs=(),
        predicted=None,
        validation=validation,
        validation_std=None,
        test=test,
        test_std=None,
        on_front=on_front,
    )


def test_agreement_is_tau_gain_and_optimism_of_the_front() -> None:
    members = [
        member(0.80, 0.90, 0.89, on_front=True),
        member(0.81, 0.92, 0.91, on_front=True),
        member(0.82, 0.91, 0.80, on_front=False),
    ]

    found = agreement(members)

    assert found.tau == pytest.approx(1 / 3)
    assert found.gain == pytest.approx(0.1)
    assert found.optimism == pytest.approx(0.01)
    assert found.optimism_error == pytest.approx(0)
    assert found.tau_predicted is None


@pytest.mark.parametrize(("epochs", "told"), [(40, 1), (100, 0)])
def test_a_recipe_that_is_no_longer_than_the_proxies_is_said(epochs: int, told: int) -> None:
    """96,000 images in the search, 9 batches of 128 in each of the recipe's epochs."""
    lines: list[str] = []
    recipe = load_recipe("light", (f"epochs={epochs}",))

    module._tell_length(96_000, recipe, 1_247, lines.append)

    assert len(lines) == told
    assert all("with `overrides` epochs=308" in line for line in lines)
