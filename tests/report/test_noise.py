from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nas.report import noise_remarks


def _rows(*accuracies: float) -> Any:
    return [SimpleNamespace(scores=SimpleNamespace(accuracy=value)) for value in accuracies]


def test_a_front_at_chance_is_said_to_be_so() -> None:
    (said,) = noise_remarks(_rows(28 / 29), chance=28 / 29, images=29)

    assert "No network is better than always giving the most frequent class (96.6%)" in said


def test_a_front_within_noise_of_itself_is_said_to_be_so() -> None:
    (said,) = noise_remarks(_rows(0.90, 0.88), chance=0.1, images=100)

    assert "within 2.0 points, which 100 validation images cannot tell apart" in said


def test_a_front_that_differs_needs_no_remark() -> None:
    assert noise_remarks(_rows(0.90, 0.88), chance=0.1, images=10_000) == ()
    assert noise_remarks(_rows(0.9), chance=0.1, images=100) == ()
    assert noise_remarks([], chance=0.1, images=100) == ()
