"""The table of published figures is current, complete, and true of the zoo."""

from __future__ import annotations

import csv
import importlib.util
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from nas.cost import cost_of
from nas.space import catalogue, load_architecture

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "published_figures.py"
pytestmark = pytest.mark.skipif(
    not PROGRAM.is_file(), reason="benchmarks/ is not part of a source distribution"
)


@pytest.fixture(scope="module")
def figures() -> Any:
    spec = importlib.util.spec_from_file_location("published_figures", PROGRAM)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["published_figures"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def published() -> list[dict[str, str]]:
    text = files("nas.report").joinpath("published.csv").read_text(encoding="utf-8")
    return [row for row in csv.DictReader(text.splitlines()) if row["network"]]


def test_the_document_is_current(
    figures: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(PROGRAM), "--check"])
    assert figures.main() == 0, capsys.readouterr().out


def test_a_stale_document_is_noticed(
    figures: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(figures, "DOCUMENT", tmp_path / "published_figures.md")
    monkeypatch.setattr(sys, "argv", [str(PROGRAM), "--check"])
    assert figures.main() == 1


def test_every_network_of_the_zoo_has_a_row(figures: Any) -> None:
    document = "\n".join(figures.document())
    for name, path in catalogue().items():
        if path.parent.name == "zoo":
            assert f"| `{name}` |" in document, name


@pytest.mark.parametrize("row", published(), ids=lambda row: f"{row['model']} {row['source']}")
def test_counts_beside_published_accuracies_are_the_zoo_s(figures: Any, row: Any) -> None:
    data, px = figures.DATASETS[row["dataset"]], int(row["macs_px"])
    cost = cost_of(
        load_architecture(row["network"], row["settings"].split()),
        input_shape=(data.channels, px, px),
        num_classes=data.num_classes,
    )
    assert (cost.params, cost.macs) == (int(row["params"]), int(row["macs"]))


@pytest.mark.parametrize(
    "row",
    [row for row in published() if row["published_params"].endswith(" M")],
    ids=lambda row: f"{row['model']} {row['source']}",
)
def test_published_parameters_are_ours_but_for_a_step_of_their_last_digit(row: Any) -> None:
    digits = row["published_params"].removesuffix(" M")
    step = 10 ** -len(digits.partition(".")[2])
    assert abs(float(digits) - int(row["params"]) / 1e6) < 1.2 * step
