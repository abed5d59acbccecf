from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest
import torch

from nas.errors import OptionError
from nas.workers import LocalPool, WorkerInfo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.trial import Task
    from nas.workers import Evaluator, Factory


def test_tasks_run_in_the_order_given_and_only_when_asked_for(
    make_task: Callable[..., Task],
) -> None:
    seen: list[int] = []

    def note(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> None:
            seen.append(task.number)

        return evaluate  # type: ignore[return-value]

    with LocalPool(note, device="cpu") as pool:
        for number in (3, 1, 2):
            pool.submit(make_task(number))
        assert seen == []
        pool.next_result()
        assert seen == [3]
        pool.next_result()
        pool.next_result()
        assert seen == [3, 1, 2]


def test_the_factory_is_told_about_the_worker() -> None:
    told: list[WorkerInfo] = []

    LocalPool(lambda info: told.append(info), device="cpu", num_threads=3)  # type: ignore[arg-type, return-value]

    assert told == [WorkerInfo(index=0, device="cpu", num_threads=3)]


def test_an_interrupt_reaches_the_caller_and_closing_still_works(
    make_task: Callable[..., Task],
) -> None:
    def interrupt(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> None:
            raise KeyboardInterrupt

        return evaluate  # type: ignore[return-value]

    with LocalPool(interrupt, device="cpu") as pool:
        pool.submit(make_task(0))
        with pytest.raises(KeyboardInterrupt):
            pool.next_result()


def test_an_alarm_of_the_callers_is_kept(
    make_task: Callable[..., Task], factories: dict[str, Factory]
) -> None:
    rung: list[int] = []
    old = signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number))
    old_delay_s, _ = signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with LocalPool(factories["obey"], device="cpu", task_timeout_s=60) as pool:
            pool.submit(make_task(0, seconds=0.05))
            result = pool.next_result()
        time.sleep(0.5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, old_delay_s)
        signal.signal(signal.SIGALRM, old)

    assert result is not None
    assert result.ok
    assert rung == [signal.SIGALRM]


def test_torch_has_one_thread_until_the_pool_is_closed(factories: dict[str, Factory]) -> None:
    torch.set_num_threads(2)  # the fixture of all tests takes it back
    with LocalPool(factories["obey"], device="cpu"):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(KeyError):
        LocalPool(factories["break_down"], device="cpu")
    assert torch.get_num_threads() == 2


def test_time_in_which_the_machine_sleeps_is_no_tasks_time(
    make_task: Callable[..., Task],
    factories: dict[str, Factory],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A process that is stopped for longer than a task may take, and goes on."""
    monkeypatch.setattr("nas.workers._time_limit.TICK_S", 0.1)
    waker = subprocess.Popen(
        ["sh", "-c", f"sleep 0.5; kill -STOP {os.getpid()}; sleep 4; kill -CONT {os.getpid()}"]
    )
    with LocalPool(factories["obey"], device="cpu", task_timeout_s=3) as pool:
        pool.submit(make_task(0, "hang_once", path=str(tmp_path / "slept"), seconds=0))
        (tmp_path / "slept").touch()
        pool.submit(make_task(1, seconds=1.0))
        results = [pool.next_result(), pool.next_result()]
    waker.wait()

    assert all(result is not None and result.ok for result in results)


def test_a_time_limit_outside_the_main_thread_is_refused(factories: dict[str, Factory]) -> None:
    caught: list[BaseException] = []

    def make() -> None:
        try:
            LocalPool(factories["obey"], device="cpu", task_timeout_s=1)
        except OptionError as error:
            caught.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()

    assert "main thread" in str(caught[0])
