"""Searching with latency as objective and limit: calibrate, search, resume, report."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from tests.latency.made_up_clock import busy, quiet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended

    Nas = Callable[..., Ended]

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

WANTED = ("--objectives", "accuracy,params,latency")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache of its own, few parts, and a machine on which every network takes 0.2 ms."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("nas.latency._calibrate.MAX_PARTS", 8)
    monkeypatch.setattr("nas.latency._calibrate.PROBED_NETWORKS", 20)
    monkeypatch.setattr("nas.latency._measure.compare", quiet)


def calibrate(nas: Nas, space: str) -> Ended:
    words = ("--networks", 10, "--input", "1x8x8", "--classes", 3)
    return nas("latency", "--calibrate", space, *words)


def test_a_calibration_on_a_busy_machine_is_refused_and_not_kept(
    nas: Nas, search_words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.latency._measure.compare", busy)
    ended = calibrate(nas, search_words[2])
    assert ended.status == 2
    assert "10 of 10 networks could not be measured steadily" in ended.err
    ended = nas(*search_words, *WANTED)
    assert ended.status == 2
    assert "not known well enough to predict it" in ended.err


def test_without_a_calibration_the_command_to_type_is_said(
    nas: Nas, search_words: list[str], tmp_path: Path
) -> None:
    space = search_words[2]
    ended = nas(*search_words, *WANTED)
    assert ended.status == 2
    assert f"nas latency --calibrate {space} --input 1x8x8 --classes 3" in ended.err
    assert not (tmp_path / "run").exists()


def test_latency_is_predicted_in_the_search_and_measured_on_the_front(
    nas: Nas, search_words: list[str], tmp_path: Path
) -> None:
    assert calibrate(nas, search_words[2]).status == 0
    ended = nas(*search_words, *WANTED)
    assert (ended.status, ended.err) == (0, "")
    assert "Latency of the front, one image" in ended.out
    run = tmp_path / "run"
    with (run / "front.csv").open() as file:
        rows = {row["arch_id"]: row for row in csv.DictReader(file)}
    measured = {
        one["arch_id"]: one for one in json.loads((run / "latency_measured.json").read_text())
    }
    assert rows.keys() == measured.keys()
    for name, one in measured.items():
        assert int(rows[name]["latency_us"]) == pytest.approx(1e3 * one["predicted_ms"])
        assert one["measured"]["rounds"] + one["measured"]["rejected"] == 6
    # The run predicts with what it began with, whatever becomes of the cache.
    for file in tmp_path.glob(".cache/nas/latency/*/*"):
        file.unlink()
    assert "Latency of the front, one image" in nas("report", run).out
    assert nas("resume", run, "--workers", "local").status == 0


def test_a_limit_rejects_before_training(
    nas: Nas, search_words: list[str], tmp_path: Path
) -> None:
    assert calibrate(nas, search_words[2]).status == 0
    ended = nas(*search_words, "--max-latency-ms", "0.001")
    assert ended.status == 2
    assert "latency_us" in ended.err
    assert "exceeds the limit of 1" in ended.err


@pytest.mark.parametrize("text", ["0", "-1", "inf", "nan"])
def test_a_limit_must_be_a_time(nas: Nas, search_words: list[str], text: str) -> None:
    ended = nas(*search_words, "--max-latency-ms", text)
    assert ended.status == 2
    assert "--max-latency-ms" in ended.err


def test_without_latency_nothing_is_predicted(
    nas: Nas, search_words: list[str], tmp_path: Path
) -> None:
    ended = nas(*search_words)
    assert ended.status == 0
    assert "Latency" not in ended.out
    assert not (tmp_path / "run" / "latency.json").exists()
    with (tmp_path / "run" / "front.csv").open() as file:
        assert {row["latency_us"] for row in csv.DictReader(file)} == {""}
