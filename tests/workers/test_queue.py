"""Who may begin on which GPU, by hand; and with real workers, that no task is tied to one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from nas.workers._queue import JobQueue
from nas.workers._ray_pool import RayPool
from nas.workers._slot import Job, Slot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.trial import Task
    from nas.workers import Factory

    MakeTask = Callable[..., Task]


@pytest.fixture
def job(make_task: MakeTask) -> Callable[..., Job]:
    """job(3, alone=True) is the third task's."""
    return lambda number, alone=False: Job(task=make_task(number), alone=alone)


def slots(*gpus: str) -> list[Slot]:
    """An idle worker on each of these GPUs."""
    return [Slot(index=index, phase="idle", gpu=gpu) for index, gpu in enumerate(gpus)]


def send(slot: Slot, job: Job) -> None:
    slot.phase, slot.job = "busy", job


def begin(queue: JobQueue, there: list[Slot]) -> list[int | None]:
    """Numbers of the tasks that each worker has once idle ones took what they may."""
    for slot in there:
        if slot.phase == "idle" and (taken := queue.take(slot.gpu, there)):
            send(slot, taken)
    return [slot.job.task.number if slot.job else None for slot in there]


def test_jobs_are_taken_in_order_and_one_that_had_begun_goes_first(
    job: Callable[..., Job],
) -> None:
    queue, [slot] = JobQueue(), slots("")
    queue.append(job(1))
    queue.append(job(2))
    queue.put_back(job(0))

    taken = [queue.take("", [slot]) for _ in range(4)]
    assert [one.task.number if one else None for one in taken] == [0, 1, 2, None]


def test_a_job_that_wants_a_gpu_alone_waits_until_it_is_free(job: Callable[..., Job]) -> None:
    queue, there = JobQueue(), slots("a", "a")
    send(there[0], job(0))
    queue.append(job(1, alone=True))
    queue.append(job(2))
    assert begin(queue, there) == [0, None]

    there[0].phase, there[0].job = "idle", None
    assert begin(queue, there) == [1, None]

    there[0].phase, there[0].job = "idle", None
    assert begin(queue, there) == [2, None]


@pytest.mark.parametrize("phase", ["placing", "loading", "resting", "retired"])
def test_a_job_that_wants_a_gpu_alone_takes_any_that_is_left(
    job: Callable[..., Job], phase: str
) -> None:
    """Wherever it was begun first: that place may be gone for good."""
    queue, there = JobQueue(), slots("a", "a", "b", "b")
    there[0].phase = there[1].phase = phase  # type: ignore[assignment]
    send(there[2], job(0))
    queue.put_back(job(1, alone=True))
    queue.append(job(2))
    assert begin(queue, there) == [None, None, 0, None]

    there[2].phase, there[2].job = "idle", None
    assert begin(queue, there) == [None, None, 1, None]


def test_the_gpu_nearest_to_free_is_kept_and_the_others_go_on(job: Callable[..., Job]) -> None:
    queue, there = JobQueue(), slots("a", "a", "a", "b", "b", "b")
    for place in (0, 1, 3):
        send(there[place], job(place))
    queue.append(job(9, alone=True))
    for number in (6, 7, 8):
        queue.append(job(number))

    assert begin(queue, there) == [0, 1, 6, 3, None, None]


def test_for_each_job_that_wants_one_a_gpu_is_kept(job: Callable[..., Job]) -> None:
    queue, there = JobQueue(), slots("a", "a", "b", "b", "c", "c")
    for place in (0, 2, 4):
        send(there[place], job(place))
    for number in (8, 9):
        queue.append(job(number, alone=True))
    queue.append(job(7))

    assert begin(queue, there) == [0, None, 2, None, 4, 7]


@pytest.mark.xdist_group("ray")
def test_a_task_that_wants_a_gpu_alone_outlives_the_place_it_was_begun_at(
    running_ray: None, factories: dict[str, Factory], make_task: MakeTask, tmp_path: Path
) -> None:
    factory = partial(factories["obey_unless_broken"], path=tmp_path / "broken")
    with RayPool(factory, num_workers=2) as pool:
        assert "0.5 GPU each" in pool.description
        pool.submit(make_task(0, "exhaust_and_die", path=str(tmp_path)))
        result = pool.next_result(480)

    assert result is not None, "it waited for a worker that cannot start"
    assert result.ok
    assert result.worker == "ray-1"
