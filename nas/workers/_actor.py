"""What runs inside a worker process. Ray makes an actor of it; nothing here needs the driver."""

from __future__ import annotations

import gc
import pickle
import traceback
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nas.errors import UserError
from nas.workers._pool import Device, Evaluator, WorkerInfo
from nas.workers._quiet_ray import ray
from nas.workers._safe_evaluate import safe_evaluate

if TYPE_CHECKING:
    from nas.trial import Task, TrialResult
    from nas.workers._pool import Factory


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A worker's answer to being started."""

    device: Device
    gpu: str
    """Names the physical GPU cluster-wide, so that two workers can be seen to share one."""
    error: Exception | None = None
    """What the factory raised; such a worker cannot be used."""


class WorkerProcess:
    """One long-lived worker. Methods run one at a time, in the order called."""

    def __init__(self, *, index: int, num_threads: int, gpus: float) -> None:
        self._index = index
        self._num_threads = num_threads
        self._gpu_share = gpus
        self._torch: Any = None
        self._evaluate: Evaluator | None = None

    def __repr__(self) -> str:
        """What Ray's dashboard calls the actor."""
        return f"worker ray-{self._index}"

    def ping(self) -> str:
        """The id of the node on which a place was found for this worker."""
        return str(ray.get_runtime_context().get_node_id())

    def start(self, factory: Factory, num_on_machine: int) -> Started:
        """Claim the device and load what the factory loads."""
        device = self._claim_device()
        gpu = _name_of_gpu()
        info = WorkerInfo(
            index=self._index,
            device=device,
            num_threads=self._num_threads,
            num_on_machine=num_on_machine,
        )
        try:
            self._evaluate = factory(info)
        except Exception as error:
            return Started(device=device, gpu=gpu, error=_portable(error))
        return Started(device=device, gpu=gpu)

    def evaluate(self, task: Task, *, alone: bool) -> TrialResult:
        """The result of one task; `alone` lifts the limit on this worker's share of the GPU."""
        assert self._evaluate is not None, "start() comes first"
        self._limit_memory(1.0 if alone else self._gpu_share)
        result = safe_evaluate(self._evaluate, task, worker=f"ray-{self._index}")
        self._return_memory()
        return result

    def _claim_device(self) -> Device:
        # Loaded late and by name: the package must import without torch.
        if not self._gpu_share or find_spec("torch") is None:
            return "cpu"
        torch = import_module("torch")
        if not torch.cuda.is_available():
            return "cpu"
        if self._gpu_share < 1:
            self._torch = torch
        return "cuda"

    def _limit_memory(self, share: float) -> None:
        # Ray's fractions are book-keeping; only torch can hold a worker to its share.
        if self._torch is not None:
            self._torch.cuda.set_per_process_memory_fraction(share)

    def _return_memory(self) -> None:
        # What torch caches is lost to the neighbours; milliseconds, after seconds of training.
        if self._torch is not None:
            gc.collect()
            self._torch.cuda.empty_cache()


def _name_of_gpu() -> str:
    context = ray.get_runtime_context()
    ids = context.get_accelerator_ids().get("GPU", [])
    return f"{context.get_node_id()}/{','.join(ids)}" if ids else ""


def _portable(error: Exception) -> Exception:
    """The error, or one with the same words if it would not survive the journey."""
    if not isinstance(error, UserError):
        error.add_note("In the worker:\n" + "".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        words = [str(error), *getattr(error, "__notes__", [])]
        return (UserError if isinstance(error, UserError) else RuntimeError)("\n".join(words))
    return error
