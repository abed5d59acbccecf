"""Where candidates are evaluated: in this process, on a Ray of any size, or on a simulated clock.

One interface (`Pool`), three pools. A pool takes `Task`s and gives back one `TrialResult` for
each, whatever happens to the process that worked on it. Pools know nothing of networks or
data: what a worker does with a task is the business of the `Factory` it is made with.
"""

from nas.workers._allocator import allocator_variables
from nas.workers._local import LocalPool
from nas.workers._make import make_pool
from nas.workers._measure import Measure
from nas.workers._open import open_ray, worker_environment
from nas.workers._pool import Device, Evaluator, Factory, Pool, WorkerInfo
from nas.workers._signals import handlers_kept
from nas.workers._simulated import SimulatedPool

__all__ = [
    "Device",
    "Evaluator",
    "Factory",
    "LocalPool",
    "Measure",
    "Pool",
    "SimulatedPool",
    "WorkerInfo",
    "allocator_variables",
    "handlers_kept",
    "make_pool",
    "open_ray",
    "worker_environment",
]
