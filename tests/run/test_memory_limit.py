"""A network that the kernel kills for its memory, in a real cgroup."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import nas
from nas.run import open_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nas.run import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(nas.__file__).parents[1]
LIMIT_BYTES = 2_000_000_000
PLACES = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),  # version 1
    (Path("/sys/fs/cgroup"), "memory.max"),  # version 2
)
PROGRAM = """
import sys
from pathlib import Path
from tests.run.killed_search import search_poisoned
search_poisoned(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A group whose processes may use 2 GB together."""
    for parent, limit in PLACES:
        group = parent / f"nas-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(LIMIT_BYTES))
        except OSError:
            group.rmdir()
            continue
        yield group
        for _ in range(100):  # the kernel takes its time to see the last process gone
            try:
                group.rmdir()
                return
            except OSError:
                time.sleep(0.1)
        return
    pytest.skip("a cgroup with a limit of memory cannot be made here: root, and cgroups to write")


def test_a_network_that_the_kernel_kills_twice_is_given_up(
    cgroup: Path, make_session: Callable[..., Run], tmp_path: Path
) -> None:
    run, log = make_session(budget=6), tmp_path / "trained"

    def go_on() -> int:
        join = f'echo $$ > {cgroup}/cgroup.procs && exec "$@"'
        words = ["sh", "-c", join, "sh", sys.executable, "-c", PROGRAM, run.path, log]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, cwd=tmp_path)
        assert "nobody stopped it" not in done.stderr
        return done.returncode

    assert [go_on(), go_on(), go_on()] == [-9, -9, 0]

    trials = open_run(run.path).trials()
    poison = (tmp_path / "poison").read_text()
    [failed] = [one for one in trials if one.state == "failed"]
    assert failed.arch.id == poison
    assert failed.failure is not None
    assert failed.failure.kind == "WorkerDied"
    assert "killed 2 times while it was trained, probably out of memory" in failed.failure.message
    trained = log.read_text().split()
    assert len(trained) == len(set(trained)) == 5
