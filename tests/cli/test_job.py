"""A search as a job of a Ray that runs already: `ray job submit ... -- nas search ...`."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import nas as package
from nas.run import open_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import Ended

    Nas = Callable[..., Ended]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("ray")]
RAY = [sys.executable, "-m", "ray.scripts.scripts"]
NAS = f"{shlex.quote(sys.executable)} -c 'from nas.cli import main; main()'"


@pytest.fixture
def environment() -> dict[str, str]:
    """What a user's shell has on a machine of the cluster: the token, and where `nas` is."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "PYTHONPATH": str(Path(package.__file__).parents[1]),
    }


@pytest.fixture
def dashboard(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The address at which a head of two CPUs takes jobs."""
    names = (
        *("--port", "--dashboard-port", "--ray-client-server-port", "--metrics-export-port"),
        *("--dashboard-agent-listen-port", "--runtime-env-agent-port"),
    )
    with ExitStack() as stack:
        free = [stack.enter_context(socket.create_server(("", 0))) for _ in names]
        ports = {name: one.getsockname()[1] for name, one in zip(names, free, strict=True)}
    words = [f"{name}={port}" for name, port in ports.items()]
    said = tmp_path / "head.txt"
    with said.open("wb") as log:
        head = subprocess.Popen(
            [*RAY, "start", "--head", "--block", "--num-cpus=2", *words],
            stdout=log,
            stderr=log,
            env=environment,
        )
    try:
        while "Ray runtime started" not in said.read_text():
            assert head.poll() is None, said.read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{ports['--dashboard-port']}"
    finally:
        head.terminate()  # which ends all that it has started
        head.wait()


def test_a_search_as_a_job_trains_on_the_cluster(
    search_words: list[str], dashboard: str, environment: dict[str, str], tmp_path: Path
) -> None:
    words = [word for word in search_words if word not in ("--workers", "local")]
    job = [*RAY, "job", "submit", "--address", dashboard, "--"]
    command = f"{NAS} {shlex.join([*words, '--gpus-per-worker', '0'])}"
    done = subprocess.run(
        [*job, "sh", "-c", command], env=environment, capture_output=True, text=True, cwd=tmp_path
    )
    log = (tmp_path / "run" / "log.txt").read_text()

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 networks trained, " in done.stdout
    assert "2 Ray workers, 1 CPU each" in log
    assert open_run(tmp_path / "run").num_evaluated == 3
    assert json.loads((tmp_path / "run" / "search.json").read_text())["settings"]["budget"] == 3


def test_a_job_that_cannot_begin_fails_with_the_message(
    search_words: list[str], dashboard: str, environment: dict[str, str], tmp_path: Path
) -> None:
    command = f"{NAS} {shlex.join([*search_words[:-4], '--workers', '9'])}"
    done = subprocess.run(
        [*RAY, "job", "submit", "--address", dashboard, "--", "sh", "-c", command],
        env=environment,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )

    assert done.returncode != 0
    assert "the cluster can never hold more than 2 of these" in done.stdout
    assert "Traceback" not in done.stdout
