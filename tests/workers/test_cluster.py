"""Addresses that are wrong, dead, or somebody else's."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import MagicMock

import pytest

import nas
from nas.errors import ClusterError, OutageError
from nas.workers import _cluster, _ray_pool
from nas.workers._cluster import Address, Connection, connect, disconnect, parse_address
from nas.workers._quiet_ray import ray
from nas.workers._ray_pool import RayPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.workers import Factory


@pytest.fixture(autouse=True)
def no_cluster_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("head:6379", ("head", 6379)),
        ("ray://10.0.0.1:10001", ("10.0.0.1", 10001)),
        ("[::1]:6379", ("::1", 6379)),
    ],
)
def test_addresses_are_taken_apart(address: str, expected: tuple[str, int]) -> None:
    assert parse_address(Address(address)) == expected


@pytest.mark.parametrize(
    "address",
    ["", "head", "head:", ":6379", "head:ray", "head:0", "head:65536", "http://head:8265", ":::"],
)
def test_what_is_no_address_is_refused_with_the_forms_allowed(
    factories: dict[str, Factory], address: str
) -> None:
    with pytest.raises(ClusterError, match=r"`address` .*not an address.*ray://HOST:PORT"):
        RayPool(factories["obey"], address=address)


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_a_dead_address_is_an_error_soon(factories: dict[str, Factory], scheme: str) -> None:
    with pytest.raises(ClusterError, match=rf"`address` {scheme}127.0.0.1:9: .*nothing answers"):
        RayPool(factories["obey"], address=f"{scheme}127.0.0.1:9")


def test_a_host_nobody_knows_is_an_error(factories: dict[str, Factory]) -> None:
    with pytest.raises(ClusterError, match="nothing answers"):
        RayPool(factories["obey"], address="no-such-host.invalid:6379")


def test_a_port_that_is_not_rays_is_an_error(
    factories: dict[str, Factory], deaf_port: int
) -> None:
    with pytest.raises(ClusterError, match="not as Ray does within 2 s"):
        RayPool(factories["obey"], address=f"127.0.0.1:{deaf_port}", answer_timeout_s=2)


def test_the_environment_names_a_cluster_too(
    factories: dict[str, Factory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")

    with pytest.raises(ClusterError, match=r"RAY_ADDRESS=127.0.0.1:9: ") as caught:
        RayPool(factories["obey"])

    assert "`unset RAY_ADDRESS`" in str(caught.value)
    assert "for a search, `workers` local" in str(caught.value)
    assert "without `address`" not in str(caught.value)


def test_a_folder_too_long_for_a_socket_is_named(
    factories: dict[str, Factory], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = tmp_path / ("slurm_jobdir_" + "x" * 100)
    long.mkdir()
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(long))

    with pytest.raises(ClusterError) as caught:
        RayPool(factories["obey"], num_workers=1)

    said = str(caught.value)
    assert said.startswith(
        f"Ray on this machine: cannot start: its sockets would lie in TMPDIR={long}"
    )
    assert "RAY_TMPDIR=/tmp" in said
    assert "a search with `workers` local does without Ray" in said
    assert "firewall" not in said


@pytest.mark.parametrize(
    ("connection", "patience_s"),
    [
        pytest.param(Connection(owned=True, dashboard_url=None), 7.0, id="joined"),
        pytest.param(Connection(owned=True, dashboard_url=None, is_ours=True), 0.0, id="ours"),
        pytest.param(Connection(owned=False, dashboard_url=None), 0.0, id="of the process"),
    ],
)
def test_nodes_of_a_cluster_may_still_be_joining(
    factories: dict[str, Factory],
    monkeypatch: pytest.MonkeyPatch,
    connection: Connection,
    patience_s: float,
) -> None:
    """However the cluster was found: a submitted job has it from RAY_ADDRESS."""
    seen: list[float] = []

    def plan(patience_s: float, **wanted: object) -> None:
        seen.append(patience_s)
        raise ClusterError("too few")

    here = "nas.workers._ray_pool"
    monkeypatch.setattr(f"{here}.connect", lambda address, answer_timeout_s: connection)
    monkeypatch.setattr(f"{here}.disconnect", lambda connection: None)
    monkeypatch.setattr(f"{here}.watch_ray", lambda is_client, head_grace_s: None)
    monkeypatch.setattr(f"{here}.plan_when_nodes_are_up", plan)
    with pytest.raises(ClusterError, match="too few"):
        RayPool(factories["obey"], start_timeout_s=7.0)

    assert seen == [patience_s]


@pytest.mark.xdist_group("ray")
def test_a_process_that_uses_ray_already_cannot_join_another(
    running_ray: None, factories: dict[str, Factory]
) -> None:
    here = ray.get_runtime_context().gcs_address

    with pytest.raises(ClusterError, match="connected to a Ray already"):
        RayPool(factories["obey"], address=here)


PROGRAM = """
import sys
import time
from nas.trial import Fidelity, Task, TrialResult
from nas.workers import make_pool

def answer(info):
    return lambda task: TrialResult(number=task.number)

with make_pool(1, answer, address=sys.argv[1], gpus_per_worker=0) as pool:
    pool.submit(Task(number=7, arch="any", fidelity=Fidelity(epochs=1), seed=0))
    print(pool.next_result().number, pool.description)
"""


@pytest.mark.xdist_group("ray")
def test_a_running_cluster_is_joined_by_address_and_left_running(
    running_ray: None, tmp_path: Path
) -> None:
    root = str(Path(nas.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, ray.get_runtime_context().gcs_address],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root, "RAY_AUTH_MODE": "token"},
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "7 1 Ray worker, 1 CPU\n", "")
    assert ray.cluster_resources()["CPU"] == 4


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("token", "http://127.0.0.1:8265 (token: `ray get-auth-token`)"),
        ("disabled", "http://127.0.0.1:8265"),
        (None, "http://127.0.0.1:8265"),
    ],
)
def test_where_the_dashboard_wants_a_token_it_is_said_where_that_is(
    monkeypatch: pytest.MonkeyPatch, mode: str | None, told: str
) -> None:
    """Ray's own start sets the variable where nobody has."""
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)

    def init(address: object) -> object:
        if mode is not None:
            monkeypatch.setenv("RAY_AUTH_MODE", mode)
        return SimpleNamespace(dashboard_url="127.0.0.1:8265")

    monkeypatch.setattr(_cluster, "_init", init)
    monkeypatch.setattr(_cluster, "ray", SimpleNamespace(is_initialized=lambda: False))

    assert connect(None).dashboard_url == told


STARTED = """
import subprocess, sys, time
words = [sys.executable, "-S", "-c", "import time; time.sleep(600)", "ray::agent"]
print(subprocess.Popen(words).pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_a_start_that_is_interrupted_leaves_no_processes(
    monkeypatch: pytest.MonkeyPatch, interrupt: type[BaseException]
) -> None:
    """By Ctrl-C, or by Ray's handler of SIGTERM."""
    pids: list[int] = []

    def init(**options: object) -> None:
        words = [sys.executable, "-S", "-c", STARTED, "ray::raylet"]
        raylet = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert raylet.stdout is not None
        with raylet.stdout as told:
            pids.extend([raylet.pid, int(told.readline())])
        raylet.returncode = 0  # it is reaped by its number
        raise interrupt

    ray = SimpleNamespace(is_initialized=lambda: False, init=init)
    monkeypatch.setattr(_cluster, "ray", ray)
    with pytest.raises(interrupt):
        connect(None)

    assert len(pids) == 2
    assert not [pid for pid in pids if is_running(pid)]


def is_running(pid: int) -> bool:
    """Whether it will run on: one that was killed is a zombie or gone, if not at once."""
    for _ in range(600):
        try:
            if not Path(f"/proc/{pid}/cmdline").read_bytes():
                return False
        except OSError:
            return False
        time.sleep(0.1)
    return True


def test_an_interrupted_try_at_an_address_ends_with_it(
    monkeypatch: pytest.MonkeyPatch, deaf_port: int
) -> None:
    tried: list[subprocess.Popen[str]] = []

    def interrupted(child: subprocess.Popen[str], **options: object) -> None:
        tried.append(child)
        raise KeyboardInterrupt

    monkeypatch.setattr(_cluster, "_JOIN", "import time; print(flush=True); time.sleep(600)")
    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        connect(f"127.0.0.1:{deaf_port}")

    assert tried[0].wait(60) == -signal.SIGKILL


def test_what_outlives_a_ray_of_our_own_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's agents do, where they have just begun."""
    words = [sys.executable, "-S", "-c", STARTED, "ray::raylet"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as raylet:
        assert raylet.stdout is not None
        agent = int(raylet.stdout.readline())
        monkeypatch.setattr(_cluster, "ray", SimpleNamespace(shutdown=raylet.kill))
        disconnect(Connection(owned=True, dashboard_url=None, started=frozenset({raylet.pid})))

        assert not is_running(agent)


def test_a_connection_that_is_lost_at_the_start_is_an_outage(
    factories: dict[str, Factory], monkeypatch: pytest.MonkeyPatch
) -> None:
    def poll(pool: object, limit_s: float | None) -> bool:
        raise ConnectionError("the channel is closed")

    crew = SimpleNamespace(start=lambda poll: poll(), close=list)
    for name in ("connect", "disconnect", "watch_ray", "plan_when_nodes_are_up"):
        monkeypatch.setattr(_ray_pool, name, MagicMock())
    monkeypatch.setattr(_ray_pool, "Crew", lambda *_, **__: crew)
    monkeypatch.setattr(RayPool, "_poll", poll)

    with pytest.raises(OutageError, match="connection to the cluster is lost"):
        RayPool(factories["obey"])
