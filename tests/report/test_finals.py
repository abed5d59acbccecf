from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from nas.final import FinalReport
from nas.report import read_finals

if TYPE_CHECKING:
    from pathlib import Path

CURVES = """seed,epoch,rate,train_loss,val_loss,val_accuracy,elapsed_s
0,1,0.1,1.5,1.2,0.6,3.0
0,2,0.0,1.1,0.9,0.7,6.0
1,1,0.1,1.4,1.2,0.65,3.0
"""


def report(accuracies: tuple[float, ...]) -> FinalReport:
    return FinalReport(
        model={"id": "0123456789ab", "name": "small"},
        data={"name": "steps"},
        recipe="light",
        seeds=tuple(
            {"seed": seed, "test": {"accuracy": value}} for seed, value in enumerate(accuracies)
        ),
        validation={},
        test={},
        kept_seed=0,
    )


def test_full_trainings_are_found_with_their_curves(tmp_path: Path) -> None:
    folder = tmp_path / "final" / "0123456789ab"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(asdict(report((0.9, 0.91)))))
    (folder / "curves.csv").write_text(CURVES)

    (found,) = read_finals(tmp_path)

    assert found.arch_id == "0123456789ab"
    assert found.accuracies == (0.9, 0.91)
    assert [curve.label for curve in found.curves] == ["seed 0", "seed 1"]
    assert found.curves[0].accuracy == (0.6, 0.7)
    assert found.curves[0].loss == (1.5, 1.1)
    assert found.validation_scores == ()


def test_the_figures_are_of_the_score_that_the_final_front_is_judged_by(tmp_path: Path) -> None:
    plain = asdict(report((0.9,)))
    (seed,) = plain["seeds"]
    seed["validation"] = {"accuracy": 0.91, "balanced_accuracy": 0.8}
    seed["test"]["balanced_accuracy"] = 0.7
    folder = tmp_path / "final" / "networks" / "0123456789ab"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(plain))
    assert read_finals(tmp_path)[0].validation_scores == (0.91,)

    (tmp_path / "final" / "final.json").write_text('{"score": "balanced_accuracy"}')
    (found,) = read_finals(tmp_path)
    assert (found.validation_scores, found.test_scores) == ((0.8,), (0.7,))
    assert found.accuracies == (0.9,)


def test_half_a_file_and_strange_ones_are_passed_over(tmp_path: Path) -> None:
    for name, text in {"half": '{"model": {"id"', "other": '{"nodes": []}', "list": "[1]"}.items():
        (tmp_path / "final" / name).mkdir(parents=True)
        (tmp_path / "final" / name / "report.json").write_text(text)
    assert read_finals(tmp_path) == ()
    assert read_finals(tmp_path / "nothing") == ()


@pytest.mark.parametrize(
    "damage",
    [
        {"seeds": []},
        {"seeds": [{"test": {"accuracy": 0.9}, "validation": "high"}]},
        {"seeds": [{"test": {}}]},
        {"model": {"id": ["0123456789ab"]}},
        {"recipe": 3},
    ],
    ids=str,
)
def test_a_damaged_report_is_passed_over(tmp_path: Path, damage: dict[str, Any]) -> None:
    folder = tmp_path / "final" / "0123456789ab"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(asdict(report((0.9,))) | damage))

    assert read_finals(tmp_path) == ()
