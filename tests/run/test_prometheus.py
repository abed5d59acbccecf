"""A search on a real Ray, watched by a real Prometheus with the queries of the Grafana board."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

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
@pytest.mark.skipif(tool("promtool") is None, reason="needs Prometheus: apt install prometheus")
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
