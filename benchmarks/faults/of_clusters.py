"""Faults of Ray: workers, raylets, heads, nodes, drivers killed. Each has a Ray of its own."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from lab import INTERRUPTED, OUTAGE, Lab

from nas.run import WorkerConfig

PATIENCE_S = 600.0
HANGS, HANG_S = "Ray: a network hangs", 10.0
"""A training may take so long there: a worker on a busy machine has to get its turn."""
_WORKERS = ("ray::network", "ray::worker", "ray::WorkerProcess")
_PORTS = ("--dashboard-agent-listen-port", "--metrics-export-port", "--runtime-env-agent-port")


def prepare(lab: Lab, name: str) -> None:
    """A Ray of the search's own, or a cluster of a head that trains nothing and one-CPU nodes."""
    lab.workers, lab.training_s = WorkerConfig(workers=2), 0.2
    lab.task_timeout_s = HANG_S if name == HANGS else 600.0
    if name in OF_NODES:
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
        (port,) = free_ports(1)
        add_node(lab, "--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false")
        lab.workers = WorkerConfig(address=f"127.0.0.1:{port}")
        for _ in range(OF_NODES[name]):
            add_node(lab, f"--address=127.0.0.1:{port}", "--num-cpus=1")


def remove(lab: Lab) -> None:
    """End the cluster, if there is one."""
    for node in reversed(lab.cluster):
        kill([*belonging(node.pid), node.pid])
        node.wait()
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
            os.environ.pop(name, None)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


def add_node(lab: Lab, *words: str) -> subprocess.Popen[bytes]:
    """A node with its own raylet, once it is up; started anew where Ray finds itself too slow."""
    ports = free_ports(len(_PORTS) + 1)
    named = [f"{name}={port}" for name, port in zip(_PORTS, ports, strict=False)]
    if "--head" in words:
        named.append(f"--ray-client-server-port={ports[-1]}")
    log = lab.folder / f"node-{len(lab.cluster)}"
    for _ in range(4):
        with log.open("wb") as file:
            program = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block"]
            node = subprocess.Popen([*program, *words, *named], stdout=file, stderr=file)
        if is_up(node.pid, log):
            lab.cluster.append(node)
            return node
        node.wait()
    raise AssertionError(f"no node came up: {log.read_text()[-500:]}")


def is_up(node: int, log: Path) -> bool:
    """Whether the node starts, rather than ends."""
    wait_until(lambda: "Ray runtime started" in log.read_text() or not is_alive(node))
    return is_alive(node)


def begin(lab: Lab, hurry: Callable[[], object] = lambda: None) -> int:
    """A search whose workers train. The driver's process id."""
    driver = lab.fork(before=hurry)
    wait_until(lambda: bool(lab.trainings()) or not is_alive(driver))
    assert is_alive(driver), f"the search ended before it began: {lab.said}"
    time.sleep(lab.rng.uniform(0.0, 0.5))
    return driver


def wait_until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """AssertionError if it does not come true."""
    until_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until_s, "nothing happened for long"
        time.sleep(0.05)


def belonging(process: int, *words: str) -> list[int]:
    """Processes below this one, with one of the words in their command if there are any."""
    below, found = {process}, []
    parents = sorted((int(path.name), path) for path in Path("/proc").glob("[0-9]*"))
    for number, path in parents:  # parents have smaller numbers than their children
        with suppress(OSError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent in below:
                below.add(number)
                command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if not words or any(word in command for word in words):
                    found.append(number)
    return found


def is_alive(process: int) -> bool:
    """Whether it is there, and not only waits to be reaped."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(processes: list[int]) -> None:
    """All at once."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def strike(lab: Lab, processes: list[int]) -> None:
    """Kill these, of which there must be one at least."""
    assert processes, "there was nothing to kill"
    lab.strike()
    kill(processes)


def check(lab: Lab, driver: int, *expected: int) -> None:
    """How the search ended."""
    status = lab.ended(driver)
    assert status in expected, f"it ended with {status}: {lab.said}"


def one_worker(lab: Lab) -> None:
    """A worker is killed; the search goes on with another."""
    driver = begin(lab)
    strike(lab, belonging(driver, *_WORKERS)[:1])
    check(lab, driver, 0)


def all_workers(lab: Lab) -> None:
    """All workers are killed at once; no network is blamed."""
    driver = begin(lab)
    strike(lab, belonging(driver, *_WORKERS))
    check(lab, driver, 0)


def raylet(lab: Lab) -> None:
    """Ray's own process on this machine is killed: the search says so, and ends."""
    driver = begin(lab)
    lab.harm()
    kill(belonging(driver, "raylet/raylet"))
    check(lab, driver, OUTAGE)
    assert "its raylet on this machine is gone" in lab.said


def own_head(lab: Lab) -> None:
    """The head (GCS) of a Ray that the search started is killed: it says so, and ends."""
    driver = begin(lab)
    lab.harm()
    kill(belonging(driver, "gcs_server"))
    check(lab, driver, OUTAGE)
    assert "nas resume" in lab.said


def head_of_cluster(lab: Lab) -> None:
    """The head of a cluster is killed for good; the search is resumed without that cluster."""
    driver = begin(lab)
    lab.harm()
    kill(belonging(lab.cluster[0].pid, "gcs_server"))
    check(lab, driver, OUTAGE)
    assert "nas resume" in lab.said
    lab.workers = WorkerConfig(workers=2)


def node_leaves(lab: Lab) -> None:
    """One of two nodes is killed with all that runs on it; the other goes on."""
    driver = begin(lab)
    node = lab.cluster[-1].pid
    strike(lab, [*belonging(node), node])
    check(lab, driver, 0)


def node_joins(lab: Lab) -> None:
    """A node joins while the search runs, and gets a worker."""

    def hurry() -> None:
        from nas.workers import _crew

        _crew.GROW_S = 0.5

    driver = begin(lab, hurry)
    lab.hold.touch()
    address = lab.workers.address
    add_node(lab, f"--address={address}", "--num-cpus=1")
    wait_until(lambda: (lab.folder / "worker-1").exists() or not is_alive(driver))
    lab.strike()
    lab.hold.unlink()
    check(lab, driver, 0)
    log = (lab.run / "log.txt").read_text()
    assert "worker ray-1 is added" in log, log
    assert " on ray-1: accuracy" in log, log


def driver_killed(lab: Lab) -> None:
    """Kill -9 of the driver: what Ray has started is gone within a minute."""
    driver = begin(lab)
    left = belonging(driver, "ray")
    lab.end(driver, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, left)), 60.0)


def ended_by(number: int) -> Callable[[Lab], None]:
    """A signal that ends a search in order, while Ray starts or while workers train."""

    def inject(lab: Lab) -> None:
        driver = lab.fork() if lab.rng.random() < 0.5 else begin(lab)
        time.sleep(lab.rng.uniform(0.0, 2.0))
        status = lab.end(driver, number)
        assert status in (0, INTERRUPTED), f"it ended with {status}: {lab.said}"

    return inject


def hang(lab: Lab) -> None:
    """A network hangs once, in one of the workers: it is begun anew in another one."""
    hung = lab.folder / "hung"

    def fault() -> None:
        if not hung.exists():
            hung.touch()
            time.sleep(3600)

    check(lab, lab.fork(lab.rng.randrange(lab.budget // 4), fault), 0)
    log = (lab.run / "log.txt").read_text()
    assert f"is replaced after {HANG_S:g} s" in log, log


def worker_cannot_load(lab: Lab) -> None:
    """A worker dies and cannot load what it needs for a while; the other one goes on alone."""

    def says(words: str) -> Callable[[], bool]:
        return lambda: words in (lab.run / "log.txt").read_text() or not is_alive(driver)

    driver = begin(lab)
    lab.broken.touch()
    strike(lab, belonging(driver, *_WORKERS)[:1])
    wait_until(says("could not start"))
    count = len(lab.trainings())
    wait_until(lambda: len(lab.trainings()) > count or not is_alive(driver))
    lab.hold.touch()
    lab.broken.unlink()
    wait_until(says("is back"))
    lab.hold.unlink()
    check(lab, driver, 0)


OF_NODES = {
    "Ray: head of a cluster lost": 1,
    "Ray: a node leaves": 2,
    "Ray: a node joins": 1,
}
"""Faults of a cluster, and how many nodes it has beside its head."""
FAULTS: dict[str, Callable[[Lab], None]] = {
    "Ray: a worker killed": one_worker,
    "Ray: all workers killed at once": all_workers,
    "Ray: raylet killed": raylet,
    "Ray: head (GCS) killed": own_head,
    "Ray: head of a cluster lost": head_of_cluster,
    "Ray: a node leaves": node_leaves,
    "Ray: a node joins": node_joins,
    "Ray: kill -9 of the driver": driver_killed,
    "Ray: Ctrl-C, also while it starts": ended_by(signal.SIGINT),
    "Ray: SIGTERM, also while it starts": ended_by(signal.SIGTERM),
    "Ray: SIGHUP, also while it starts": ended_by(signal.SIGHUP),
    HANGS: hang,
    "Ray: a worker cannot load again": worker_cannot_load,
}
