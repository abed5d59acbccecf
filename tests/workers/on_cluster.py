"""A driver on a cluster of several nodes, as a program: tells in lines what happens. Not a test.

usage: on_cluster.py ADDRESS FOLDER [NODE_CLASS]

Its tasks wait for a file `ready` in the folder, and leave one there that names their worker and
its node.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nas.trial import Fidelity, Scores, Task, TrialResult
from nas.workers import _crew
from nas.workers._quiet_ray import ray
from nas.workers._ray_pool import RayPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.workers import WorkerInfo


def wait_and_tell(info: WorkerInfo, folder: str) -> Callable[[Task], TrialResult]:
    """Evaluates a task by waiting for the file."""
    node = ray.get_runtime_context().get_node_id()

    def evaluate(task: Task) -> TrialResult:
        (Path(folder) / f"{task.number}-{info.index}-{node}-{os.getpid()}").touch()
        while not (Path(folder) / "ready").exists():
            time.sleep(0.05)
        scores = Scores(accuracy=0.5, loss=1.0, train_s=0.1)
        return TrialResult(number=task.number, scores=scores, weights=node.encode())

    return evaluate


def main(address: str, folder: str, node_class: str | None = None) -> None:
    """Give every worker a task; end when all are answered."""
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    _crew.GROW_S = 0.5
    factory = partial(wait_and_tell, folder=folder)
    with RayPool(factory, address=address, gpus_per_worker=0, node_class=node_class) as pool:
        print("pool", pool.description, flush=True)
        given = answered = 0
        is_over = False
        while not is_over or answered < given:
            is_over = (Path(folder) / "ready").exists()
            while not is_over and given < pool.num_workers:
                task = Task(number=given, arch="any", fidelity=Fidelity(epochs=1), seed=0)  # type: ignore[arg-type]
                pool.submit(task)
                given += 1
            result = pool.next_result(0.5)
            for note in pool.take_notes():
                print("note", note, flush=True)
            if result is not None:
                answered += 1
                said = "ok" if result.ok else f"failed {result.failure}"
                print("result", result.number, said, flush=True)
    print("end", given, answered, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
