"""A pool on a cluster whose factory takes data along, as a program: what each node received.

usage: data_once.py ADDRESS

Prints, for every node that has workers, the bytes that came from other nodes.
"""

from __future__ import annotations

import re
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

from nas.trial import Fidelity, Task, TrialResult
from nas.workers._quiet_ray import ray
from nas.workers._ray_pool import RayPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.workers import WorkerInfo

DATA_BYTES = 20_000_000


class WithData:
    """A factory that carries data, as that of a search on a cluster does."""

    def __init__(self) -> None:
        self.data = bytes(DATA_BYTES)

    def __call__(self, info: WorkerInfo) -> Callable[[Task], TrialResult]:
        assert len(self.data) == DATA_BYTES
        return lambda task: TrialResult(number=task.number)


def received_bytes(node: dict[str, Any]) -> float:
    """What the node's object store got from others, by Ray's own figures."""
    url = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
    with urllib.request.urlopen(url, timeout=60) as answer:
        text = answer.read().decode()
    found = re.search(r'ray_object_manager_bytes{[^}]*Type="Received"[^}]*} (\S+)', text)
    return float(found[1]) if found else 0.0


def main(address: str) -> None:
    """Start every worker, then wait for the figures, which Ray gathers now and then."""
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with RayPool(WithData(), address=address, gpus_per_worker=0) as pool:
        for number in range(2 * pool.num_workers):
            pool.submit(Task(number=number, arch="any", fidelity=Fidelity(epochs=1), seed=0))  # type: ignore[arg-type]
            assert pool.next_result() is not None
        nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        while min(map(received_bytes, nodes)) < DATA_BYTES:
            time.sleep(0.5)
        time.sleep(12)  # for a second copy, if there were one, to be counted
        print(pool.num_workers, *map(received_bytes, nodes))


if __name__ == "__main__":
    main(sys.argv[1])
