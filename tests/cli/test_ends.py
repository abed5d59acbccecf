"""How a search ends that is stopped while its workers start, or that loses them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from nas.cli import main
from nas.errors import DataError, OutageError
from nas.run import open_run
from nas.workers import LocalPool
from tests.cli.processes import descendants

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.trial import TrialResult
    from nas.workers import Factory
    from tests.cli.conftest import Ended

    Nas = Callable[..., Ended]

MAKE_POOL = "nas.run._search.make_pool"
ENDS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


class LosingRay(LocalPool):
    """A pool that is lost after the first result."""

    def next_result(self, timeout_s: float | None = None) -> TrialResult | None:
        if self.is_lost:
            raise OutageError("Ray: its raylet on this machine is gone, killed or out of memory")
        self.is_lost = True
        return super().next_result(timeout_s)

    is_lost = False


def test_workers_that_are_lost_end_a_search_with_75_and_the_way_on(
    nas: Nas, search_words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "my run"
    search_words[-1] = str(run)
    with monkeypatch.context() as patched:
        patched.setattr(MAKE_POOL, lambda _, factory, **options: LosingRay(factory))
        ended = nas(*search_words)

    assert ended.status == 75
    assert ended.err == (
        "nas: Ray: its raylet on this machine is gone, killed or out of memory. Nothing finished "
        f"is lost; once that is mended, go on with: nas resume '{run}'\n"
    )
    assert open_run(run).num_evaluated == 1
    assert "stops: Ray: its raylet" in (run / "log.txt").read_text()
    assert nas("resume", run, "--workers", "local").status == 0


def test_what_no_worker_could_load_is_said_with_its_machine(
    nas: Nas, search_words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: object, **options: object) -> None:
        error = DataError("no images here")
        error.add_note("(worker 0 on host-a)")
        raise error

    monkeypatch.setattr(MAKE_POOL, start)
    ended = nas(*search_words)

    assert (ended.status, ended.err) == (2, "nas: no images here (worker 0 on host-a)\n")


@pytest.mark.parametrize("sent", ENDS)
@pytest.mark.parametrize("by_ray", [False, True], ids=["", "with Ray's own handler"])
def test_a_signal_while_workers_start_is_a_ctrl_c(
    nas: Nas,
    search_words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sent: signal.Signals,
    by_ray: bool,
) -> None:
    before = {one: signal.getsignal(one) for one in ENDS}

    def start(_: object, factory: Factory, **options: object) -> None:
        if by_ray:  # as `ray.init` has it
            signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))
        os.kill(os.getpid(), sent)
        raise AssertionError("it went on")

    monkeypatch.setattr(MAKE_POOL, start)
    ended = nas(*search_words)

    assert (ended.status, ended.err) == (130, "")
    assert ended.out.endswith(f"Interrupted. Go on with: nas resume {tmp_path / 'run'}\n")
    assert {one: signal.getsignal(one) for one in ENDS} == before


@pytest.mark.parametrize("sent", ENDS)
def test_a_signal_before_the_search_begins_leaves_no_folder_and_says_so(
    nas: Nas,
    search_words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sent: signal.Signals,
) -> None:
    monkeypatch.setattr("nas.run._create.write_data", lambda *_: os.kill(os.getpid(), sent))
    ended = nas(*search_words)

    assert ended.status == 130
    assert ended.err == "nas: stopped before the search began; there is no run folder.\n"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("sent", ENDS)
def test_a_signal_while_a_run_is_read_changes_nothing(
    nas: Nas,
    search_words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    sent: signal.Signals,
) -> None:
    assert nas(*search_words).status == 0
    monkeypatch.setattr("nas.run._open._check_start", lambda *_: os.kill(os.getpid(), sent))
    ended = nas("resume", search_words[-1])

    assert ended.status == 130
    assert ended.err == "nas: stopped before the search went on; nothing was changed.\n"


class Interrupted(ModuleType):
    """A module during whose import Ctrl-C comes."""

    def __getattr__(self, name: str) -> object:
        raise KeyboardInterrupt


def test_ctrl_c_while_verbs_are_loaded_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.cli._main", Interrupted("nas.cli._main"))

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 130


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("sent", ENDS)
def test_a_signal_while_ray_starts_leaves_no_processes(
    search_words: list[str], tmp_path: Path, sent: signal.Signals
) -> None:
    program = "from nas.cli import main; main()"
    words = [sys.executable, "-c", program, *search_words, "--workers", "2"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        words, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as search:
        while not any("/raylet " in args for args in descendants(search.pid).values()):
            assert search.poll() is None
            time.sleep(0.02)
        os.kill(search.pid, sent)
        started: dict[int, str] = {}
        while search.poll() is None:
            started |= descendants(search.pid)
            time.sleep(0.1)
        out, err = search.communicate()

    assert (search.returncode, err) == (130, "")
    assert out.endswith(f"Interrupted. Go on with: nas resume {tmp_path / 'run'}\n")
    assert still_there(started) == {}


def still_there(started: dict[int, str]) -> dict[int, str]:
    """Of these processes, those that go on for more than 20 s."""
    for _ in range(200):
        there = {pid: args for pid, args in started.items() if Path(f"/proc/{pid}").exists()}
        if not there:
            break
        time.sleep(0.1)
    return there
