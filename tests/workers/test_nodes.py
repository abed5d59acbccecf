"""A real Ray cluster of several nodes, each with its own raylet: killed, joining, of classes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nas
from tests.workers import data_once, on_cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("ray"),
    # Ray's own helper for clusters leaves a file open.
    pytest.mark.filterwarnings("ignore"),
]
ROOT = str(Path(nas.__file__).parents[1])


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that trains nothing."""
    from ray.cluster_utils import Cluster

    made = Cluster()
    add_node(made, num_cpus=0)
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def nodes(cluster: Any) -> dict[str, Any]:
    """A node of one CPU for each class."""
    return {name: add_node(cluster, num_cpus=1, resources={name: 1}) for name in ("fast", "slow")}


def add_node(cluster: Any, **offered: Any) -> Any:
    """A node of its own; Ray gives it 30 s to start, which a busy machine may exceed."""
    for attempts_left in reversed(range(4)):
        try:
            return cluster.add_node(**offered)
        except Exception as error:
            if not attempts_left or "timed out during startup" not in str(error):
                raise
    raise AssertionError("unreachable")


@pytest.fixture
def drive(cluster: Any, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """drive("fast") starts a driver for nodes of this class; its lines are in `lines`."""
    started = []

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, on_cluster.__file__, cluster.address, str(tmp_path), *words]
        with (tmp_path / "lines").open("w") as lines:
            driver = subprocess.Popen(
                command,
                stdout=lines,
                stderr=subprocess.STDOUT,
                text=True,
                env={**os.environ, "PYTHONPATH": ROOT},
            )
        started.append(driver)
        return driver

    yield start
    for driver in started:
        driver.kill()
        driver.wait()


def lines(folder: Path) -> list[str]:
    return (folder / "lines").read_text().splitlines()


def wait_for(condition: Callable[[], bool], driver: subprocess.Popen[str], folder: Path) -> None:
    for _ in range(1800):
        if condition():
            return
        if driver.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail("\n".join(lines(folder)))


def at_work(folder: Path) -> dict[int, str]:
    """Nodes by worker, of the tasks begun last."""
    begun = sorted(folder.glob("*-*-*-*"), key=lambda path: path.stat().st_mtime_ns)
    return {int(path.name.split("-")[1]): path.name.split("-")[2] for path in begun}


def finish(driver: subprocess.Popen[str], folder: Path) -> list[str]:
    """What the driver said, once its tasks may end."""
    (folder / "ready").touch()
    assert driver.wait(180) == 0, lines(folder)
    said = lines(folder)
    assert not [line for line in said if line.startswith("result") and not line.endswith("ok")]
    _, given, answered = said[-1].split()
    assert given == answered
    return said


def test_workers_are_kept_to_a_class_of_nodes(
    cluster: Any,
    nodes: dict[str, Any],
    drive: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    driver = drive("slow")
    wait_for(lambda: bool(at_work(tmp_path)), driver, tmp_path)
    said = finish(driver, tmp_path)

    assert said[0] == "pool 1 Ray worker, 1 CPU of a slow node"
    assert set(at_work(tmp_path).values()) == {nodes["slow"].node_id}


def test_a_node_that_is_killed_is_missed_and_one_that_joins_is_used(
    cluster: Any,
    nodes: dict[str, Any],
    drive: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    driver = drive()
    wait_for(lambda: len(at_work(tmp_path)) == 2, driver, tmp_path)
    assert set(at_work(tmp_path).values()) == {node.node_id for node in nodes.values()}

    cluster.remove_node(nodes["slow"], allow_graceful=False)
    wait_for(lambda: any("died" in line for line in lines(tmp_path)), driver, tmp_path)
    third = add_node(cluster, num_cpus=2)
    wait_for(lambda: list(at_work(tmp_path).values()).count(third.node_id) == 2, driver, tmp_path)
    said = finish(driver, tmp_path)

    assert any("a node has joined: worker ray-2 is added" in line for line in said)


def test_data_reach_each_node_once(cluster: Any, nodes: dict[str, Any]) -> None:
    """However many workers it has."""
    add_node(cluster, num_cpus=3)
    cluster.wait_for_nodes(timeout=300)  # Ray lists one that was killed for 17 s or more
    done = subprocess.run(
        [sys.executable, data_once.__file__, cluster.address],
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    num_workers, *received = map(float, done.stdout.split())

    assert num_workers > len(received) >= 2
    assert all(1.0 <= one / data_once.DATA_BYTES < 1.1 for one in received)
