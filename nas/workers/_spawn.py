"""What a Ray worker process is given: its share of the cluster and its environment."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from nas.errors import ClusterError
from nas.workers._actor import WorkerProcess
from nas.workers._cluster import cluster_nodes
from nas.workers._open import worker_environment
from nas.workers._plan import Node, Plan, plan_workers, room_on
from nas.workers._quiet_ray import ray


def plan_when_nodes_are_up(patience_s: float, **wanted: Any) -> Plan:
    """`plan_workers` for the cluster at hand, giving nodes that are starting time to join.

    Args:
        patience_s: seconds to wait for more nodes before saying that there are too few.
        wanted: the keyword arguments of `plan_workers`.
    """
    deadline_s = time.monotonic() + patience_s
    while True:
        try:
            return plan_workers(cluster_nodes(), **wanted)
        except ClusterError:
            if time.monotonic() >= deadline_s:
                raise
        time.sleep(0.25)


def room_for(plan: Plan) -> int:
    """How many workers of this plan the cluster holds now, busy or not."""
    try:
        return plan_workers(
            cluster_nodes(),
            num_workers=None,
            cpus_per_worker=plan.cpus_each,
            gpus_per_worker=plan.gpus_each,
            node_class=plan.node_class,
        ).num_workers
    except ClusterError:
        return 0


def node_of(node_id: str) -> Node | None:
    """A machine of the cluster; without its name where it is the only one."""
    nodes = cluster_nodes()
    found = next((node for node in nodes if node.id == node_id), None)
    return found if found is None or len(nodes) > 1 else replace(found, host="")


def num_on(node: Node | None, plan: Plan, *, asked: int | None) -> int:
    """How many workers may be on a machine: as many as it holds, or as were asked for."""
    room = plan.num_workers if node is None else room_on(node, plan)
    return max(1, room if asked is None else min(asked, room))


def actor_class(plan: Plan) -> Any:
    """The Ray actor that the plan's workers are made from."""
    return ray.remote(WorkerProcess).options(
        num_cpus=plan.cpus_each,
        num_gpus=plan.gpus_each,
        # So little that any number of workers finds room: it only says where.
        resources={plan.node_class: 1e-4} if plan.node_class else None,
        max_restarts=0,
        max_task_retries=0,
        runtime_env={"env_vars": worker_environment(plan.num_threads)},
    )


def first_answer(awaited: list[Any], wait_s: float) -> list[Any]:
    """The reference whose answer comes first, if one comes in time."""
    if not awaited:
        time.sleep(wait_s)
        return []
    return list(ray.wait(awaited, timeout=wait_s)[0])


def kill(actor: Any) -> None:
    """End a worker, if there is one. A cluster that is gone, or a dead actor, needs no killing."""
    with suppress(ray.exceptions.RayError, ConnectionError, ValueError):
        if actor is not None:
            ray.kill(actor)
