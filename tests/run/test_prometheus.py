"""A search on a real Ray, watched by a real Prometheus with the queries of the Grafana board."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import nas
from tests.run.prometheus import CONFIGURATION, Server, serving, tool
from tests.search.small import MEDIUM

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(nas.__file__).parents[1]
BOARD = ROOT / "docker" / "grafana" / "dashboards" / "nas.json"
PAGE = ROOT / "docs" / "monitoring.md"

needs_sources = pytest.mark.skipif(
    not BOARD.is_file(), reason="docker/ is not part of a source distribution"
)
needs_promtool = pytest.mark.skipif(
    tool("promtool") is None, reason="needs Prometheus: apt install prometheus"
)
needs_prometheus = pytest.mark.skipif(
    tool("prometheus") is None, reason="needs Prometheus: apt install prometheus"
)


def expressions(board: dict[str, Any]) -> list[str]:
    """Every query of the board, with all runs chosen."""
    targets = [target for panel in board["panels"] for target in panel.get("targets", [])]
    return [target["expr"].replace("$run", ".*") for target in targets]


@pytest.fixture
def discovery(npz: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A search on a Ray of its own, and the file in which Ray says whom to ask."""
    (tmp_path / "medium.yaml").write_text(MEDIUM)
    words = f"search --space medium.yaml --data {npz} --epochs 1 --budget 4000 --workers 1"
    # Short, since sockets lie in it.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        search = subprocess.Popen(
            [sys.executable, "-m", "nas", *words.split(), "--sampler", "random"],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "RAY_TMPDIR": folder,
                "RAY_metrics_report_interval_ms": "1000",
            },
        )
        yield search, Path(folder) / "ray" / "prom_metrics_service_discovery.json"
        search.send_signal(signal.SIGINT)
        search.wait()


@needs_sources
@needs_prometheus
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_query_of_the_board_finds_a_running_search(
    discovery: tuple[subprocess.Popen[bytes], Path], tmp_path: Path
) -> None:
    search, file = discovery
    with serving(tmp_path, file) as server:
        found = server.wait_for("ray_nas_images_total > 0", lambda: search.poll() is None)
        assert {one["metric"]["run"][:6] for one in found} == {"medium"}
        for expression in expressions(json.loads(BOARD.read_text())):
            assert server.wait_for(expression), expression
        assert trials(server) > 0


def trials(server: Server) -> float:
    [found] = server.wait_for('sum(ray_nas_trials{state=~"complete|paused|pruned"})')
    return float(found["value"][1])


@needs_sources
@needs_promtool
def test_the_configuration_is_one_that_prometheus_reads() -> None:
    words = ["promtool", "check", "config", str(CONFIGURATION)]
    done = subprocess.run(words, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


@needs_sources
def test_page_and_board_name_what_is_exported() -> None:
    from nas.run import _monitor

    source = Path(_monitor.__file__).read_text()
    page, board = PAGE.read_text(), BOARD.read_text()
    names = {word for word in source.split('"') if word.startswith("nas_")}
    assert len(names) == 11
    for name in names:
        assert f"`ray_{name}" in page, name
        assert f"ray_{name}" in board, name


WHOLE_STUDY = ("trials", "failures", "budget", "best_accuracy", "hypervolume", "front_size")
"""Figures that each driver of a study exports for all of them."""
OF_ONE_DRIVER = ('ray_nas_trials{run=~".*",state="running"}',)


@needs_sources
def test_no_query_adds_up_what_every_driver_says_of_the_whole_study() -> None:
    alarms = [line for line in PAGE.read_text().splitlines() if line.startswith("    ")]
    assert any("ray_nas_failures" in line or "ray_nas_trials" in line for line in alarms)
    for expression in (*expressions(json.loads(BOARD.read_text())), *alarms):
        rest = expression
        for own in OF_ONE_DRIVER:
            rest = rest.replace(own, "")
        for name in WHOLE_STUDY:
            added = re.findall(rf"sum by \(\w+\) \(ray_nas_{name}\b", rest)
            assert not added, expression


TWO_DRIVERS_AND_ANOTHER_RUN = {
    "trials": {
        ("a", "1", 'state="complete"'): 10,
        ("a", "2", 'state="complete"'): 9,  # not quite up to date
        ("a", "1", 'state="running"'): 3,
        ("a", "2", 'state="running"'): 2,
        ("b", "3", 'state="complete"'): 5,
        ("b", "3", 'state="running"'): 1,
    },
    "failures": {
        ("a", "1", 'kind="Diverged"'): 2,
        ("a", "2", 'kind="Diverged"'): 2,
        ("b", "3", 'kind="Diverged"'): 1,
    },
    "budget": {("a", "1", ""): 20, ("a", "2", ""): 20, ("b", "3", ""): 10},
    "workers": {("a", "1", ""): 3, ("a", "2", ""): 2, ("b", "3", ""): 1},
}
"""Value by run, process and label."""

SHOWN = {
    "Networks evaluated": {'{run="a"}': 0.5, '{run="b"}': 0.5},
    "Trials by state": {'{state="complete"}': 15, '{state="running"}': 6},
    "Failures by kind": {'{kind="Diverged"}': 3},
    "Workers": {'{run="a"}': 5, '{run="b"}': 1},
}


@needs_sources
@needs_promtool
def test_two_drivers_of_one_study_count_each_trial_once(tmp_path: Path) -> None:
    series = [
        {
            "series": f'ray_nas_{name}{{run="{run}",WorkerId="{process}"{label and ","}{label}}}',
            "values": f"{value} {value}",
        }
        for name, values in TWO_DRIVERS_AND_ANOTHER_RUN.items()
        for (run, process, label), value in values.items()
    ]
    board = json.loads(BOARD.read_text())
    panels = {panel["title"]: expressions({"panels": [panel]}) for panel in board["panels"]}
    asked = [
        {
            "expr": panels[title][0],
            "eval_time": "1m",
            "exp_samples": [{"labels": key, "value": value} for key, value in wanted.items()],
        }
        for title, wanted in SHOWN.items()
    ]
    document = {"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": asked}]}
    (tmp_path / "board.yml").write_text(yaml.safe_dump(document))

    words = ["promtool", "test", "rules", str(tmp_path / "board.yml")]
    done = subprocess.run(words, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
