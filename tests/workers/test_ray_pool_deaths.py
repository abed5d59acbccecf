"""Workers that die, hang or cannot load, and what takes their place."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas.errors import ClusterError, OutageError
from nas.trial import Task
from nas.workers import Pool
from nas.workers._quiet_ray import ray
from nas.workers._ray_pool import RayPool
from tests.workers.results import finish, kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.workers import Factory

    MakeTask = Callable[..., Task]

pytestmark = pytest.mark.xdist_group("ray")


def test_a_task_whose_worker_dies_is_given_to_a_fresh_one(
    make_pool: Callable[..., Pool], make_task: MakeTask, tmp_path: Path
) -> None:
    with make_pool() as pool:
        results = finish(pool, make_task(0, "die_once", path=str(tmp_path / "died")), make_task(1))

    assert {(result.number, result.ok) for result in results} == {(0, True), (1, True)}


def test_a_task_that_kills_two_workers_is_given_up_and_the_pool_goes_on(
    make_pool: Callable[..., Pool], make_task: MakeTask
) -> None:
    with make_pool() as pool:
        results = finish(pool, make_task(0, "die"), *(make_task(n) for n in range(1, 5)))

    assert sorted((result.number, kind(result)) for result in results) == [
        (0, "WorkerDied"),
        *((number, "ok") for number in range(1, 5)),
    ]


class StoppedClock:
    """Goes when told, so that no machine is too slow for a limit of time."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    """The clock of every pool made in the test."""
    stopped = StoppedClock()
    monkeypatch.setattr("nas.workers._ray_pool.AwakeClock", lambda: stopped)
    return stopped


@pytest.mark.slow
def test_both_workers_may_hang_and_are_replaced(
    make_pool: Callable[..., Pool], make_task: MakeTask, clock: StoppedClock, tmp_path: Path
) -> None:
    never = str(tmp_path / "never")
    with make_pool(task_timeout_s=2.0) as pool:
        for number in range(2):
            pool.submit(make_task(number, "await_file_visibly", path=never))
        for _ in range(2):
            assert turn(pool, lambda: len(list(tmp_path.glob("*-*"))) == 2)
            workers_seen(tmp_path, 2)
            clock.now_s += 2.5
        hung = [pool.next_result(), pool.next_result()]
        after = finish(pool, make_task(2), make_task(3))

    assert [kind(result) for result in hung if result] == ["Timeout", "Timeout"]
    assert [kind(result) for result in after] == ["ok", "ok"]


def workers_seen(folder: Path, count: int) -> dict[int, int]:
    """Process ids by worker, once `count` of them have left a file."""
    assert settled(lambda: len(list(folder.glob("*-*"))) >= count)
    names = [path.name.split("-") for path in folder.glob("*-*")]
    for path in folder.glob("*-*"):
        path.unlink()
    return {int(index): int(process) for index, process in names}


def turn(pool: Pool, condition: Callable[[], bool]) -> bool:
    """Whether it becomes true within eight minutes in which the pool is looked after."""
    for _ in range(2400):
        if condition():
            return True
        assert pool.next_result(0.2) is None
    return False


def settled(condition: Callable[[], bool]) -> bool:
    """Whether it becomes true within eight minutes: a busy machine starts processes late."""
    for _ in range(4800):
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_workers_that_die_together_did_not_die_of_their_tasks(
    make_pool: Callable[..., Pool], make_task: MakeTask, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    with make_pool() as pool:
        for number in range(2):
            pool.submit(make_task(number, "await_file_visibly", path=str(ready)))
        for _ in range(3):
            assert turn(pool, lambda: len(list(tmp_path.glob("*-*"))) == 2)
            for process in workers_seen(tmp_path, 2).values():
                os.kill(process, signal.SIGKILL)
        assert turn(pool, lambda: len(list(tmp_path.glob("*-*"))) == 2)
        ready.touch()
        results = [pool.next_result(), pool.next_result()]
        notes = pool.take_notes()

    assert [kind(result) for result in results if result] == ["ok", "ok"]
    assert sum("died" in note for note in notes) == 6


@pytest.mark.slow
def test_a_worker_that_cannot_load_again_is_missed_until_it_can(
    running_ray: None, factories: dict[str, Factory], make_task: MakeTask, tmp_path: Path
) -> None:
    broken, ready = tmp_path / "broken", tmp_path / "ready"
    notes: list[str] = []

    def is_noted(words: str) -> bool:
        notes.extend(pool.take_notes())
        return any(words in note for note in notes)

    factory = partial(factories["obey_unless_broken"], path=broken)
    with RayPool(factory, num_workers=2, gpus_per_worker=0) as pool:
        for number in range(2):
            pool.submit(make_task(number, "await_file_visibly", path=str(ready)))
        assert turn(pool, lambda: len(list(tmp_path.glob("*-*"))) == 2)
        broken.touch()
        os.kill(workers_seen(tmp_path, 2)[0], signal.SIGKILL)
        assert turn(pool, lambda: is_noted("could not start, next try in 1 s: the disk of the"))
        assert pool.num_workers == 1
        ready.touch()
        results = [pool.next_result(), pool.next_result()]
        assert sorted(kind(result) for result in results if result) == ["ok", "ok"]
        broken.unlink()
        for number in range(2, 5000):
            [result] = finish(pool, make_task(number, seconds=0.2))
            assert result.ok
            if pool.num_workers == 2:
                break
        assert is_noted("worker ray-0 is back")


def test_without_any_worker_the_pool_ends_in_a_sentence(
    running_ray: None, factories: dict[str, Factory], make_task: MakeTask, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    factory = partial(factories["obey_unless_broken"], path=broken)
    with RayPool(factory, num_workers=1, gpus_per_worker=0, restart_timeout_s=3) as pool:
        broken.touch()
        pool.submit(make_task(0, "die"))
        with pytest.raises(OutageError, match=r"for 3 s there has been no worker, and none could"):
            pool.next_result()
        assert (pool.num_workers, pool.num_ready) == (1, 0)


def test_a_result_that_is_there_is_never_called_overdue(
    make_pool: Callable[..., Pool], make_task: MakeTask, clock: StoppedClock
) -> None:
    with make_pool(task_timeout_s=0.5) as pool:
        pool.submit(make_task(0))
        pool.submit(make_task(1))
        assert isinstance(pool, RayPool)
        ray.wait([slot.awaited for slot in pool._crew.slots], num_returns=2)
        clock.now_s += 1.0  # of a driver that is busy elsewhere
        results = [pool.next_result(), pool.next_result()]

    assert [kind(result) for result in results if result] == ["ok", "ok"]


def test_a_worker_that_cannot_start_is_an_error_of_the_pool(
    running_ray: None, factories: dict[str, Factory]
) -> None:
    with pytest.raises(ClusterError, match="died 2 times in a row while it started"):
        RayPool(factories["die_at_birth"], num_workers=1, gpus_per_worker=0)
