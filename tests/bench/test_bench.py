from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from typer.testing import CliRunner

from nas.bench import BenchRun, BenchSettings, _bench, run_bench, run_bench_search, summarize
from nas.bench._cache import Cache
from nas.bench._measures import Metrics
from nas.bench._summary import mean_share_by_time
from nas.cli import app
from nas.errors import OptionError

if TYPE_CHECKING:
    from pathlib import Path

    from nas.bench import Table

RUN = BenchRun(table="toy", sampler="evolution", seed=0, budget=20, workers=4)


def metrics(*shares: float, evaluations_to: tuple[int | None, ...] = (None,) * 3) -> Metrics:
    return Metrics(
        shares=shares,
        picked_share=shares[-1],
        finished_s=tuple(10.0 * number for number in range(1, len(shares) + 1)),
        evaluations_to=evaluations_to,
        duplicate_share=0.0,
        repeated_share=0.0,
        ask_ms=1.0,
        ask_max_ms=2.0,
    )


@pytest.fixture
def only_toy(toy: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bench, "load_table", lambda name: toy)


def test_stored_races_are_read_back_and_shortened(toy: Table, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    trace = run_bench_search(RUN, toy)
    cache.store(trace, "1")
    found = cache.load(RUN, "1")
    assert found is not None
    assert found.trained == trace.trained
    shorter = replace(RUN, budget=12)
    cut = cache.load(shorter, "1")
    assert cut is not None
    assert cut.trained == run_bench_search(shorter, toy).trained
    assert cut.run == shorter


def test_other_versions_and_longer_races_are_run_anew(toy: Table, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.store(run_bench_search(RUN, toy), "1")
    assert cache.load(RUN, "2") is None
    assert cache.load(replace(RUN, budget=21), "1") is None
    assert cache.load(replace(RUN, seed=1), "1") is None


def test_summary_by_hand() -> None:
    lines = summarize(
        "toy",
        {
            "good": [
                metrics(0.5, 0.9, evaluations_to=(2, None, None)),
                metrics(0.7, 0.9, evaluations_to=(2, None, None)),
            ],
            "bad": [metrics(0.1, 0.2), metrics(0.3, 0.4)],
        },
        (1, 2),
    )
    good, bad = lines
    assert good.shares == pytest.approx((0.6, 0.9))
    assert good.errors == pytest.approx((0.1, 0.0))
    assert (good.rank, bad.rank) == (1.0, 2.0)
    assert good.p_value is None
    # The smallest p that two pairs allow.
    assert bad.p_value == pytest.approx(0.5)
    assert good.evaluations_to == (2.0, None, None)
    assert bad.evaluations_to == (None, None, None)


def test_share_by_time_is_what_had_ended_by_then() -> None:
    assert mean_share_by_time([metrics(0.2, 0.6)], [5.0, 10.0, 19.0, 20.0]) == [0, 0.2, 0.2, 0.6]


@pytest.mark.usefixtures("only_toy")
def test_run_writes_a_table_and_a_picture_and_resumes(tmp_path: Path) -> None:
    settings = BenchSettings(
        out=tmp_path,
        tables=("nasbench201-cifar10",),
        samplers=("evolution", "random+dedup"),
        num_seeds=2,
        budget=20,
    )
    done: list[BenchRun] = []
    report = run_bench(settings, on_run=done.append)
    assert len(done) == settings.num_runs == 4
    with Image.open(report.plot) as picture:
        assert picture.format == "PNG"
        colours = picture.convert("RGB").getcolors(maxcolors=picture.width * picture.height)
    assert colours is not None
    assert len(colours) > 2, "an empty picture"
    with report.csv.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["sampler"] for row in rows] == ["evolution", "random+dedup"]
    assert run_bench(settings).rows == report.rows


@pytest.mark.usefixtures("only_toy")
def test_seeds_count_up_from_the_first(tmp_path: Path) -> None:
    seeds: list[int] = []
    settings = BenchSettings(
        out=tmp_path,
        tables=("nasbench201-cifar10",),
        samplers=("random+dedup",),
        num_seeds=2,
        first_seed=40,
        budget=5,
    )
    run_bench(settings, on_run=lambda run: seeds.append(run.seed))
    assert seeds == [40, 41]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tables": ("nasbench101",)}, "`tables`: unknown name 'nasbench101'"),
        ({"samplers": ()}, "`samplers`: name at least one"),
        ({"num_seeds": 0}, "`num_seeds` 0: give at least 1"),
        ({"first_seed": -1}, "`first_seed` -1: give at least 0"),
        ({"budget": -1}, "`budget` -1: give at least 1"),
    ],
)
def test_unusable_settings(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)):
        BenchSettings(out=tmp_path, **change)  # type: ignore[arg-type]


@pytest.mark.usefixtures("only_toy")
def test_command_line(tmp_path: Path) -> None:
    options = ["--tables", "nasbench201-cifar10", "--samplers", "evolution,random+dedup"]
    options += ["--seeds", "1", "--budget", "10", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, ["bench", *options])
    assert result.exit_code == 0, result.output
    assert "evolution" in result.output
    assert (tmp_path / "bench.png").exists()
    again = CliRunner().invoke(app, ["bench", *options, "--json"])
    plain = json.loads(again.stdout)
    assert [row["sampler"] for row in plain["rows"]] == ["evolution", "random+dedup"]
