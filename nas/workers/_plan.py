"""How many workers a cluster holds, and what each of them asks for. Arithmetic only, no Ray."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nas.errors import ClusterError, OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from nas.workers._pool import Device

MAX_WORKERS_PER_GPU = 4
"""Small proxies leave most of a GPU idle; beyond four a share's memory becomes the limit."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What one machine offers in total, busy or not."""

    cpus: float
    gpus: float = 0
    classes: frozenset[str] = frozenset()
    """Names of the node's own Ray resources: what kind of machine it is."""
    id: str = field(default="", compare=False)
    """Ray's name for it."""
    host: str = field(default="", compare=False)
    """The machine's own name."""

    def __str__(self) -> str:
        """In words."""
        classes = f" ({', '.join(sorted(self.classes))})" if self.classes else ""
        return f"{self.cpus:g} CPUs and {self.gpus:g} GPUs{classes}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The workers to start."""

    num_workers: int
    cpus_each: float
    gpus_each: float
    """A fraction below 1 where workers share a GPU; 0 where they train on the CPU."""
    node_class: str | None = None
    """A Ray resource that the workers' nodes must have."""
    idle_nodes: int = field(default=0, compare=False)
    """Nodes that hold none of these workers although they have CPUs."""

    @property
    def num_threads(self) -> int:
        """CPU threads of each worker: its whole CPUs, at least one."""
        return max(1, int(self.cpus_each))

    def __str__(self) -> str:
        each = f"{self.cpus_each:g} CPU" + (f" and {self.gpus_each:g} GPU" * (self.gpus_each > 0))
        each += f" of a {self.node_class} node" if self.node_class else ""
        if self.num_workers == 1:
            return f"1 Ray worker, {each}"
        return f"{self.num_workers} Ray workers, {each} each"

    def described(self, devices: Set[Device]) -> str:
        """In words, with what became of the GPUs where workers train on these devices."""
        told = str(self)
        if self.gpus_each > 0 and "cpu" in devices:
            told += " (torch sees no CUDA there: training on the CPU)"
        if self.idle_nodes and self.gpus_each and self.node_class is None:
            nodes = "1 node" if self.idle_nodes == 1 else f"{self.idle_nodes} nodes"
            told += f"; {nodes} without a free GPU have none: 0 GPUs a worker trains on all CPUs"
        return told


def plan_workers(
    nodes: Sequence[Node],
    *,
    num_workers: int | None,
    cpus_per_worker: float,
    gpus_per_worker: float | None,
    node_class: str | None = None,
) -> Plan:
    """Decide number and share of the workers.

    Args:
        nodes: the machines of the cluster.
        num_workers: None takes as many as fit.
        cpus_per_worker: CPUs each holds.
        gpus_per_worker: GPUs each holds; None shares every GPU among as many workers as there
            are CPUs for (at most 4) or as were asked for, and is 0 where there is no GPU.
        node_class: a Ray resource that a node must have to get workers; None takes all.

    Raises:
        OptionError: a number that is not allowed.
        ClusterError: the machines can never hold these workers.
    """
    _check_options(num_workers, cpus_per_worker, gpus_per_worker)
    fit = [node for node in nodes if node_class is None or node_class in node.classes]
    if gpus_per_worker is None:
        gpus_per_worker = _share_of_gpu(fit, num_workers, cpus_per_worker)
    rooms = [_room(node, cpus_per_worker, gpus_per_worker) for node in fit]
    plan = Plan(
        num_workers=sum(rooms) if num_workers is None else num_workers,
        cpus_each=cpus_per_worker,
        gpus_each=gpus_per_worker,
        node_class=node_class,
        idle_nodes=sum(node.cpus >= cpus_per_worker for node in nodes) - sum(map(bool, rooms)),
    )
    if sum(rooms) < max(plan.num_workers, 1):
        raise ClusterError(_never_fits(plan, nodes, sum(rooms)))
    return plan


def _check_options(
    num_workers: int | None, cpus_per_worker: float, gpus_per_worker: float | None
) -> None:
    if num_workers is not None and num_workers < 1:
        raise OptionError(f"`workers`: {num_workers} workers do no work; give 1 or more, or local")
    if not cpus_per_worker > 0:
        raise OptionError(f"`cpus_per_worker`: {cpus_per_worker:g} must be greater than 0")
    gpus = gpus_per_worker or 0
    if not gpus >= 0 or (gpus > 1 and gpus != int(gpus)):
        raise OptionError(
            f"`gpus_per_worker`: {gpus:g} cannot be given out; a fraction up to 1, a whole "
            "number, or None to share the GPUs there are"
        )


def _share_of_gpu(nodes: Sequence[Node], num_workers: int | None, cpus_per_worker: float) -> float:
    # A head that trains nothing offers its GPU without a CPU; nobody can use that.
    with_gpu = [node for node in nodes if node.gpus >= 1 and node.cpus >= cpus_per_worker]
    if not with_gpu:
        return 0.0
    if num_workers is None:
        by_cpus = min(int(node.cpus / (cpus_per_worker * node.gpus)) for node in with_gpu)
        sharing = min(max(by_cpus, 1), MAX_WORKERS_PER_GPU)
    else:
        sharing = math.ceil(num_workers / sum(int(node.gpus) for node in with_gpu))
    # Ray counts in ten-thousandths; rounding up would leave the last worker out.
    return math.floor(1e4 / sharing) / 1e4


def room_on(node: Node, plan: Plan) -> int:
    """How many workers of the plan a machine holds."""
    return _room(node, plan.cpus_each, plan.gpus_each)


def _room(node: Node, cpus_each: float, gpus_each: float) -> int:
    by_cpus = int(node.cpus / cpus_each + _ROUNDING)
    if gpus_each == 0:
        return by_cpus
    if gpus_each >= 1:
        return min(by_cpus, int(node.gpus / gpus_each + _ROUNDING))
    # A share never spans two GPUs.
    return min(by_cpus, int(node.gpus) * int(1 / gpus_each + _ROUNDING))


def _never_fits(plan: Plan, nodes: Sequence[Node], room: int) -> str:
    there = ", ".join(map(str, nodes[:8]))
    more = f", and {len(nodes) - 8} more" if len(nodes) > 8 else ""
    where = f" of a {plan.node_class} node" if plan.node_class else ""
    asked = plan if plan.num_workers else f"at least one worker with {plan.cpus_each:g} CPU{where}"
    advice = f"ask for {room} (`workers`)" if room else "ask for less per worker"
    return (
        f"Ray: asked for {asked}, but the cluster can never hold more than {room} of these; "
        f"its {len(nodes)} node(s) have: {there or 'nothing'}{more}. Either {advice}, or add nodes"
    )
