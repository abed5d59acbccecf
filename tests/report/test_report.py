from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import nas.report
from nas.metrics import parse_objectives
from nas.report import write_report
from tests.report.conftest import Make


@pytest.mark.usefixtures("whole_pictures")
def test_a_report_is_a_table_and_a_picture(tmp_path: Path, evaluation: Make) -> None:
    evaluations = [evaluation(0, 0.5, params=10), evaluation(1, 0.4, params=20)]

    report = write_report(
        tmp_path, evaluations, parse_objectives(["accuracy", "params"]), dataset="fashion_mnist"
    )

    assert [row.trial for row in report.front] == [0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["front.csv", "front.png"]
    assert report.csv_path.read_text().count("\n") == 2
    assert report.png_path.read_bytes().startswith(b"\x89PNG")


def test_reports_need_neither_torch_nor_optuna_nor_ray() -> None:
    code = "import sys, nas.report; print({'torch', 'optuna', 'ray'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


def test_all_names_are_there() -> None:
    assert all(hasattr(nas.report, name) for name in nas.report.__all__)
