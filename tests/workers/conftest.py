"""A stand-in for networks and training, told by each task what to do; one Ray for all tests."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas.errors import DataError
from nas.trial import Failure, Fidelity, Scores, Task, TrialResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nas.workers import Evaluator, Factory, Pool, WorkerInfo


@dataclass(frozen=True)
class StandIn:
    """Takes an Architecture's place in a task, and says what evaluating it is like."""

    id: str
    action: str = "score"
    path: str = ""
    seconds: float = 0.0


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


def obey(info: WorkerInfo) -> Evaluator:
    """A factory whose evaluator does what the task's stand-in says."""

    def evaluate(task: Task) -> TrialResult:
        return ACTIONS[task.arch.action](task, info)

    return evaluate


def score(task: Task, info: WorkerInfo) -> TrialResult:
    time.sleep(task.arch.seconds)
    scores = Scores(accuracy=0.5, loss=float(task.seed), train_s=task.arch.seconds)
    return TrialResult(number=task.number, scores=scores, weights=task.arch.id.encode())


def await_file(task: Task, info: WorkerInfo) -> TrialResult:
    """Like `score`, once the file at `path` is there."""
    while not Path(task.arch.path).exists():
        time.sleep(0.01)
    return score(task, info)


def await_file_visibly(task: Task, info: WorkerInfo) -> TrialResult:
    """The same, telling who does it by a file `INDEX-PID` beside the file awaited."""
    (Path(task.arch.path).parent / f"{info.index}-{os.getpid()}").touch()
    return await_file(task, info)


def fail(task: Task, info: WorkerInfo) -> TrialResult:
    failure = Failure(kind="Diverged", message="loss is nan")
    return TrialResult(number=task.number, failure=failure)


def throw(task: Task, info: WorkerInfo) -> TrialResult:
    raise ZeroDivisionError("seven by nought")


def exhaust(task: Task, info: WorkerInfo) -> TrialResult:
    raise OutOfMemoryError("CUDA out of memory")


def exhaust_once(task: Task, info: WorkerInfo) -> TrialResult:
    """Out of memory at first; the second time, the scores if nothing else runs."""
    if first_time(Path(task.arch.path) / "exhausted"):
        raise OutOfMemoryError("CUDA out of memory")
    neighbours = list(Path(task.arch.path).glob("running-*"))
    return throw(task, info) if neighbours else score(task, info)


def score_visibly(task: Task, info: WorkerInfo) -> TrialResult:
    """Like `score`, leaving a file for as long as it runs."""
    mark = Path(task.arch.path) / f"running-{task.number}"
    mark.touch()
    try:
        return score(task, info)
    finally:
        mark.unlink()


def die(task: Task, info: WorkerInfo) -> TrialResult:
    os._exit(3)


def die_once(task: Task, info: WorkerInfo) -> TrialResult:
    if first_time(Path(task.arch.path)):
        os._exit(3)
    return score(task, info)


def exhaust_and_die(task: Task, info: WorkerInfo) -> TrialResult:
    """Out of memory at first; the second time the worker dies, and its place is `broken`."""
    if first_time(Path(task.arch.path) / "exhausted"):
        raise OutOfMemoryError("CUDA out of memory")
    if first_time(Path(task.arch.path) / "broken"):
        os._exit(3)
    return score(task, info)


def hang_once(task: Task, info: WorkerInfo) -> TrialResult:
    if first_time(Path(task.arch.path)):
        time.sleep(60)
    return score(task, info)


def tell_environment(task: Task, info: WorkerInfo) -> TrialResult:
    """The environment the process was started with, and the worker's info, as weights."""
    started_with = Path("/proc/self/environ").read_bytes().split(b"\0")
    about = [repr(info).encode(), f"group={os.getpgid(0)}".encode(), *started_with]
    scores = Scores(accuracy=0.5, loss=0.0, train_s=0.0)
    return TrialResult(number=task.number, scores=scores, weights=b"\n".join(about))


def answer_another(task: Task, info: WorkerInfo) -> TrialResult:
    return TrialResult(number=task.number + 1)


def answer_nothing(task: Task, info: WorkerInfo) -> TrialResult:
    return None  # type: ignore[return-value]


def first_time(path: Path) -> bool:
    if path.exists():
        return False
    path.touch()
    return True


ACTIONS = {
    action.__name__: action
    for action in (
        score,
        await_file,
        await_file_visibly,
        fail,
        throw,
        exhaust,
        exhaust_once,
        score_visibly,
        die,
        die_once,
        exhaust_and_die,
        hang_once,
        tell_environment,
        answer_another,
        answer_nothing,
    )
}


def lack_data(info: WorkerInfo) -> Evaluator:
    raise DataError("no Fashion-MNIST here: three ways to get it are ...")


def obey_unless_broken(info: WorkerInfo, path: Path) -> Evaluator:
    """Like `obey`; worker 0 cannot load while there is a file at `path`."""
    if info.index == 0 and path.exists():
        raise OSError("the disk of the data is gone")
    return obey(info)


def break_down(info: WorkerInfo) -> Evaluator:
    raise KeyError("a bug")


def die_at_birth(info: WorkerInfo) -> Evaluator:
    os._exit(4)


@pytest.fixture
def make_task() -> Callable[..., Task]:
    """make_task(7, "die_once", path=...) is task 7 with a stand-in that does so."""

    def make(number: int, action: str = "score", **told: object) -> Task:
        arch = StandIn(id=f"{number:012x}", action=action, **told)  # type: ignore[arg-type]
        return Task(number=number, arch=arch, fidelity=Fidelity(epochs=1), seed=number)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def factories() -> dict[str, Factory]:
    made = (obey, obey_unless_broken, lack_data, break_down, die_at_birth)
    return {factory.__name__: factory for factory in made}


@pytest.fixture(scope="session")
def running_ray() -> Iterator[None]:
    """A Ray with, by its books, 4 CPUs and 1 GPU, which the pools of these tests share."""
    from nas.workers._quiet_ray import ray

    # A worker may not find this file by name, so its contents travel to it.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    for attempts_left in reversed(range(4)):  # Ray gives itself 30 s, too few on a busy machine
        try:
            ray.init(
                "local",
                num_cpus=4,
                num_gpus=1,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
            )
            break
        except Exception as error:
            ray.shutdown()
            if not attempts_left or "timed out during startup" not in str(error):
                raise
    yield
    ray.shutdown()


@pytest.fixture
def make_pool(running_ray: None, factories: dict[str, Factory]) -> Callable[..., Pool]:
    """make_pool(num_workers=1) is a Ray pool that does as tasks say, of 2 workers unless told."""
    from nas.workers._ray_pool import RayPool

    return partial(RayPool, factories["obey"], num_workers=2, gpus_per_worker=0)
