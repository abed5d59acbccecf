"""What only worker processes can do: overtake, share a GPU, join late, find no place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import nas
from nas.errors import ClusterError, OutageError
from nas.trial import Task
from nas.workers import Pool
from nas.workers._actor import WorkerProcess
from nas.workers._plan import Node
from nas.workers._quiet_ray import ray
from nas.workers._ray_pool import RayPool
from nas.workers._slot import Job
from tests.workers.results import finish, kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.workers import Factory

    MakeTask = Callable[..., Task]

pytestmark = pytest.mark.xdist_group("ray")


def test_results_come_in_the_order_of_completion(
    make_pool: Callable[..., Pool], make_task: MakeTask, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    with make_pool() as pool:
        pool.submit(make_task(0, "await_file", path=str(ready)))
        quick = finish(pool, make_task(1), make_task(2))
        ready.touch()
        last = pool.next_result()

    assert [result.number for result in quick] == [1, 2]
    assert last is not None
    assert last.number == 0


@pytest.mark.timeout(120)
def test_a_process_is_called_by_the_network_it_trains(
    make_pool: Callable[..., Pool], make_task: MakeTask, tmp_path: Path
) -> None:
    """In `ps` and in Ray's dashboard, as docs/monitoring.md says; idle by its worker there."""
    ready = tmp_path / "ready"
    task = make_task(7, "await_file", path=str(ready))
    with make_pool() as pool:
        pool.submit(task)
        while f"ray::{Job(task=task).name}" not in process_titles():
            time.sleep(0.1)
        ready.touch()
        assert pool.next_result() is not None

    assert Job(task=task).name.endswith(", trial 7")
    assert repr(WorkerProcess(index=3, num_threads=1, gpus=0.0)) == "worker ray-3"


def process_titles() -> set[str]:
    titles = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            titles.add(path.read_text(errors="replace").rstrip("\0 "))
    return titles


def test_waiting_ends_when_the_time_is_over(
    make_pool: Callable[..., Pool], make_task: MakeTask, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    with make_pool() as pool:
        pool.submit(make_task(0, "await_file", path=str(ready)))
        assert pool.next_result(0) is None
        assert pool.next_result(0.2) is None
        ready.touch()
        result = pool.next_result()

    assert result is not None


@pytest.mark.parametrize("error", [OutageError("Ray: gone"), KeyboardInterrupt()])
def test_what_has_come_is_handed_out_before_the_end(
    make_pool: Callable[..., Pool], make_task: MakeTask, error: BaseException
) -> None:
    with make_pool(num_workers=1) as pool:
        assert isinstance(pool, RayPool)

        def check() -> None:
            if pool._finished:
                raise error

        pool._watch.check = check  # type: ignore[method-assign]
        results = finish(pool, make_task(0))
        pool.submit(make_task(1))
        with pytest.raises(type(error)):
            pool.next_result()

    assert [result.number for result in results] == [0]


def test_a_node_that_joins_brings_workers(
    running_ray: None,
    factories: dict[str, Factory],
    make_task: MakeTask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nas.workers._crew.GROW_S", 0.0)
    nodes = [Node(cpus=1)]
    monkeypatch.setattr("nas.workers._spawn.cluster_nodes", lambda: nodes)
    with RayPool(factories["obey"], gpus_per_worker=0) as pool:
        assert pool.num_workers == 1
        nodes.append(Node(cpus=2))
        pool.submit(make_task(0, seconds=1.0))
        for number in range(1, 5000):
            if pool.num_workers == 3:
                break
            pool.next_result()
            pool.submit(make_task(number, seconds=0.2))
        assert pool.num_workers == 3
        assert "a node has joined: worker ray-1 is added" in pool.take_notes()


def test_workers_see_their_environment_from_the_start(
    make_pool: Callable[..., Pool], make_task: MakeTask
) -> None:
    with make_pool(num_workers=1, cpus_per_worker=2) as pool:
        [result] = finish(pool, make_task(0, "tell_environment"))

    lines = (result.weights or b"").decode().splitlines()
    assert {"MALLOC_MMAP_MAX_=0", "MALLOC_TRIM_THRESHOLD_=-1", "OMP_NUM_THREADS=2"} <= set(lines)
    assert "WorkerInfo(index=0, device='cpu', num_threads=2, num_on_machine=1)" in lines
    # A Ctrl-C in the terminal goes to the driver's process group, and must stop there.
    assert f"group={os.getpgid(0)}" not in lines


def test_the_driver_holds_no_cpu(make_pool: Callable[..., Pool], make_task: MakeTask) -> None:
    with make_pool(num_workers=1) as pool:
        finish(pool, make_task(0))
        assert ray.get(ray.remote(num_cpus=3)(lambda: True).remote())
    assert ray.get(ray.remote(num_cpus=4)(lambda: True).remote())


def test_workers_that_never_fit_are_an_error_at_once(make_pool: Callable[..., Pool]) -> None:
    began_s = time.monotonic()
    with pytest.raises(ClusterError, match=r"asked for 5 Ray workers.* ask for 4 \(`workers`\)"):
        make_pool(num_workers=5, start_timeout_s=120)

    assert time.monotonic() - began_s < 120, "it waited for room"


def test_workers_that_find_no_place_in_time_are_an_error(
    make_pool: Callable[..., Pool],
) -> None:
    with (
        make_pool(num_workers=1, cpus_per_worker=3),
        pytest.raises(ClusterError, match=r"[12] of them found no place in 3 s; free now: "),
    ):
        make_pool(num_workers=2, start_timeout_s=3)


def test_an_interrupt_reaches_the_caller_and_closing_is_quick(
    make_pool: Callable[..., Pool], make_task: MakeTask
) -> None:
    pool = make_pool()
    pool.submit(make_task(0, seconds=120))
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        pool.next_result()
    timer.join()
    began_s = time.monotonic()
    pool.close()

    assert time.monotonic() - began_s < 120, "it waited for the task"


def test_a_task_out_of_memory_runs_again_with_the_gpu_to_itself(
    running_ray: None, factories: dict[str, Factory], make_task: MakeTask, tmp_path: Path
) -> None:
    told = {"path": str(tmp_path), "seconds": 0.3}
    with RayPool(factories["obey"], num_workers=2) as pool:
        assert "0.5 GPU each" in pool.description
        tasks = [make_task(number, "score_visibly", **told) for number in range(4)]
        results = finish(pool, tasks[0], make_task(9, "exhaust_once", **told), *tasks[1:])

    assert sorted((result.number, kind(result)) for result in results) == [
        *((number, "ok") for number in range(4)),
        (9, "ok"),
    ]


@pytest.mark.slow
def test_a_task_out_of_memory_even_alone_is_recorded(
    running_ray: None, factories: dict[str, Factory], make_task: MakeTask
) -> None:
    with RayPool(factories["obey"], num_workers=2) as pool:
        results = finish(pool, make_task(0, "exhaust"), make_task(1, "exhaust"), make_task(2))

    assert sorted((result.number, kind(result)) for result in results) == [
        (0, "OutOfMemory"),
        (1, "OutOfMemory"),
        (2, "ok"),
    ]


PROGRAM = """
import os
from nas.trial import Fidelity, Task, TrialResult
from nas.workers._ray_pool import RayPool

def obey(info):
    import nas.workers  # as a real factory would
    return lambda task: os._exit(1) if task.seed else TrialResult(number=task.number)

with RayPool(obey, num_workers=1) as pool:
    for number in range(2):
        pool.submit(Task(number=number, arch="any", fidelity=Fidelity(epochs=1), seed=number))
    first, second = pool.next_result(), pool.next_result()
    assert (first.failure, second.failure.kind) == (None, "WorkerDied"), (first, second)
"""


@pytest.mark.slow
def test_a_ray_of_its_own_starts_anywhere_and_prints_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(nas.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
