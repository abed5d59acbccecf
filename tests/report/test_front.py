from __future__ import annotations

import csv
from dataclasses import fields, replace
from pathlib import Path

import pytest

from nas.errors import RunFolderError
from nas.metrics import limit_of, parse_objectives
from nas.report import best_row, front_rows, knee_row, write_front_csv
from nas.report._front import csv_columns
from nas.trial import Cost, Scores
from tests.report.conftest import Make

OBJECTIVES = parse_objectives(["accuracy", "params", "macs"])


def test_only_complete_trials_are_on_the_front_best_first(evaluation: Make) -> None:
    evaluations = [
        evaluation(0, 0.7, params=10),
        evaluation(1, 0.9, params=30),
        evaluation(2, 0.8, params=40),  # beaten by 1
        evaluation(3, 0.99, params=5, state="duplicate"),
        evaluation(4, 0.99, params=5, state="failed"),
        replace(evaluation(5, 0.99, params=5, state="rejected"), cost=None),
    ]

    rows = front_rows(evaluations, OBJECTIVES, describe=lambda arch: f"net {arch.id[-1]}")

    assert [(row.trial, row.description) for row in rows] == [(1, "net 1"), (0, "net 0")]


def test_best_is_most_accurate_then_smallest(evaluation: Make) -> None:
    objectives = parse_objectives(["accuracy", "params", "macs"])
    evaluations = [
        evaluation(0, 0.9, params=30, macs=5),
        evaluation(1, 0.9, params=20, macs=6),
        evaluation(2, 0.5, params=1, macs=1),
    ]
    rows = front_rows(evaluations, objectives)

    assert rows[best_row(rows)].trial == 1


def test_knee_of_rows_is_the_knee_of_their_values(evaluation: Make) -> None:
    evaluations = [
        evaluation(0, 0.5, params=10, macs=10),
        evaluation(1, 0.85, params=20, macs=20),
        evaluation(2, 0.9, params=1000, macs=1000),
    ]
    rows = front_rows(evaluations, OBJECTIVES)

    assert rows[knee_row(rows, OBJECTIVES)].trial == 1


def test_an_empty_front_has_no_best_row() -> None:
    with pytest.raises(ValueError, match="empty"):
        best_row(())


def test_a_limit_of_accuracy_keeps_a_network_off_the_front(evaluation: Make) -> None:
    evaluations = [evaluation(0, 0.7, params=10), evaluation(1, 0.9, params=30)]
    rows = front_rows(evaluations, OBJECTIVES, limits=[limit_of("accuracy", "80%")])

    assert [row.trial for row in rows] == [1]


def test_every_cost_and_score_has_a_column() -> None:
    of_records = {field.name for record in (Cost, Scores) for field in fields(record)}
    measured = of_records - {"custom", "deploy"}

    assert measured <= set(csv_columns())


def test_csv_reads_back_exactly(tmp_path: Path, evaluation: Make) -> None:
    rows = front_rows([evaluation(7, 1 / 3)], OBJECTIVES, describe=lambda _: 'lru x8, "wide"')

    write_front_csv(tmp_path / "front.csv", rows)

    with (tmp_path / "front.csv").open(newline="", encoding="utf-8") as file:
        (line,) = csv.DictReader(file)
    assert tuple(line) == csv_columns()
    assert float(line["accuracy"]) == 1 / 3
    assert (line["trial"], line["arch_id"]) == ("7", "000000000007")
    assert (line["params"], line["macs"], line["train_s"]) == ("1000", "10000", "1.5")
    assert line["description"] == 'lru x8, "wide"'


def test_an_empty_front_is_a_header(tmp_path: Path) -> None:
    write_front_csv(tmp_path / "front.csv", ())

    assert (tmp_path / "front.csv").read_text() == ",".join(csv_columns()) + "\n"


def test_a_missing_folder_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"front\.csv: cannot be written"):
        write_front_csv(tmp_path / "absent" / "front.csv", ())
