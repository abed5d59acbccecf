"""From what was asked for to a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from nas.errors import OptionError
from nas.workers._local import LocalPool
from nas.workers._plugins import with_plugins

if TYPE_CHECKING:
    from nas.workers._pool import Factory, Pool


def make_pool(
    workers: Literal["local"] | int | None,
    factory: Factory,
    *,
    address: str | None = None,
    cpus_per_worker: float = 1,
    gpus_per_worker: float | None = None,
    node_class: str | None = None,
    task_timeout_s: float | None = None,
) -> Pool:
    """The pool that `workers` and `address` ask for; close it, or use it in a `with`.

    Args:
        workers: `local` evaluates in this process; a number asks for that many Ray workers;
            None for as many as the machine or the cluster holds.
        factory: makes the evaluator, inside each worker.
        address: a running Ray cluster (`auto`, `HOST:PORT`, `ray://HOST:PORT`); None starts a
            Ray on this machine.
        cpus_per_worker: CPUs, and so threads, of each Ray worker.
        gpus_per_worker: GPUs of each Ray worker; None shares the GPUs there are.
        node_class: a Ray resource that the workers' nodes must have; None takes any node.
        task_timeout_s: seconds after which a task is stopped; None lets it run.

    Raises:
        OptionError: `workers` is neither, or cannot be combined with the address.
        ClusterError: no Ray answers, or it can never hold the workers.
        UserError: whatever the factory raised.
    """
    if workers == "local":
        if address is not None:
            raise OptionError(
                f"`workers` local evaluates in this process, so `address` {address} would do "
                "nothing; drop one of the two"
            )
        return LocalPool(factory, task_timeout_s=task_timeout_s)
    if isinstance(workers, bool) or not (workers is None or isinstance(workers, int)):
        raise OptionError(f"`workers`: '{workers}' is neither local nor a number of workers")
    # Ray takes a second to load, and is not needed before.
    from nas.workers._ray_pool import RayPool

    return RayPool(
        with_plugins(factory),
        num_workers=workers,
        address=address,
        cpus_per_worker=cpus_per_worker,
        gpus_per_worker=gpus_per_worker,
        node_class=node_class,
        task_timeout_s=task_timeout_s,
    )
