from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.image import imread

from nas.errors import RunFolderError
from nas.metrics import parse_objectives
from nas.report import plot_front, references_for
from nas.report._plot import spread
from nas.trial import Evaluation
from tests.report.conftest import Make


def some(evaluation: Make) -> list[Evaluation]:
    return [
        evaluation(0, 0.1, params=2000, macs=9000),
        evaluation(1, 0.5, params=1000, macs=8000),
        evaluation(2, 0.8, params=20_000, macs=90_000),
        evaluation(3, 0.85, params=90_000, macs=4_000_000),
    ]


@pytest.mark.parametrize(
    ("names", "panels"),
    [
        ("accuracy", 2),
        ("accuracy,params", 1),
        ("accuracy,params,macs", 2),
        ("accuracy,params,macs,peak_activation_bytes", 3),
    ],
)
def test_a_panel_for_each_cost(tmp_path: Path, evaluation: Make, names: str, panels: int) -> None:
    path = tmp_path / "front.png"

    plot_front(
        path,
        some(evaluation),
        parse_objectives(names.split(",")),
        references_for("fashion_mnist"),
    )

    height, width, _ = imread(path).shape
    assert (width, height) == (960 * panels, 720)


@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_trials_make_a_picture_all_the_same(
    tmp_path: Path, evaluation: Make, count: int
) -> None:
    path = tmp_path / "front.png"

    plot_front(path, some(evaluation)[:count], parse_objectives(["accuracy", "macs"]))

    assert imread(path).min() < 0.9


def test_the_score_that_was_searched_for_is_drawn(
    tmp_path: Path, evaluation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, format: drawn.append(self))
    monkeypatch.setattr("nas.report._plot.replacing", nullcontext)
    trials = [
        replace(one, scores=replace(one.scores, custom={"mean_iou": 0.3 - 0.05 * one.number}))
        for one in some(evaluation)
        if one.scores is not None
    ]

    objectives = parse_objectives(["mean_iou", "params"])
    plot_front(tmp_path / "front.png", trials, objectives, references_for("fashion_mnist"))

    (axes,) = drawn[0].axes
    dots, *others = axes.collections
    assert axes.get_ylabel() == "mean iou"
    assert [y for _, y in dots.get_offsets()] == pytest.approx([0.3, 0.25, 0.2, 0.15])
    words = [str(one.get_label()) for one in (dots, *others)]
    assert words[0] == "trial: validation mean intersection over union after short proxy training"
    assert not any("published" in one for one in words)


def test_letters_that_no_font_has_are_no_warning(tmp_path: Path, evaluation: Make) -> None:
    """Warnings are errors here. No font has this letter of the private use area."""
    path = tmp_path / "front.png"

    plot_front(path, some(evaluation), parse_objectives(["accuracy"]), title="网络 \ue0ff")

    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="cannot be written"):
        plot_front(tmp_path / "absent" / "front.png", [], parse_objectives(["accuracy"]))


@given(st.lists(st.floats(0, 1), max_size=10).map(sorted))
def test_labels_keep_their_distance_and_their_order(heights: list[float]) -> None:
    placed = spread(heights, gap=0.05)

    assert all(high - low >= 0.05 - 1e-9 for low, high in pairwise(placed))
    assert all(new <= old for new, old in zip(placed, heights, strict=True))


def test_labels_with_room_stay_where_they_are() -> None:
    assert spread([0.1, 0.5, 0.9], gap=0.05) == (0.1, 0.5, 0.9)
