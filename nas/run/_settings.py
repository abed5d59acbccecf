"""What the user asked for: one record, written into the run folder and read back to resume."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nas.data import DEFAULT_OPTIONS, DataOptions
from nas.errors import OptionError
from nas.metrics import Limit, check_measured, parse_objectives
from nas.names import near
from nas.trial import DEFAULT_FIDELITY, DEPLOYMENTS, Deployment, Fidelity


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """A search as asked for. Where it runs (workers, address) may differ when it is resumed."""

    space: str
    """Name or path of the model file; the run folder keeps its text."""
    overrides: tuple[str, ...] = ()
    data: str = "fashion_mnist"
    data_dir: str | None = None
    data_options: DataOptions = DEFAULT_OPTIONS
    """As asked for; in a run's folder, with the size and channels that were chosen."""
    budget: int = 40
    """Networks to train in all."""
    objectives: tuple[str, ...] = ("accuracy", "params", "macs")
    limits: tuple[Limit, ...] = ()
    sampler: str = "model"
    seed: int = 0
    fidelity: Fidelity = DEFAULT_FIDELITY
    """Of full training: what the front is judged by."""
    ladder: tuple[Fidelity, ...] | None = None
    """Shorter trainings that come first, the cheapest first. Empty: every network is trained in
    full; None, before the search begins: the space's own, or what suits the images."""
    storage: str | None = None
    """Storage URL without its password; None keeps the study in the run folder."""
    study: str = ""
    """The study's name in its storage; the run folder's where empty."""
    deploy: Deployment = "generated"
    """How a device will have the kernels of rings: what bytes and their limits are counted for."""
    task_timeout_s: float = 1800.0
    """Longest time for one training."""
    deterministic: bool = False
    """Results are taken in order of the proposals: the search is then the same whatever the
    number of workers, and after any break."""

    def __post_init__(self) -> None:
        """Raise OptionError on values no search can have, whatever the data."""
        if self.budget < 1:
            raise OptionError(
                f"`budget` {self.budget}: a search needs a budget of at least 1 network"
            )
        if not 0 < self.task_timeout_s < math.inf:
            raise OptionError(
                f"`task_timeout_s` {self.task_timeout_s:g}: write a number of seconds above 0"
            )
        if self.deploy not in DEPLOYMENTS:
            raise OptionError(f"`deploy` {self.deploy}: write {' or '.join(DEPLOYMENTS)}")
        from nas.search import SAMPLERS

        if self.sampler not in SAMPLERS:
            hint = near(self.sampler, SAMPLERS)
            raise OptionError(
                f"`sampler`: unknown sampler '{self.sampler}'{hint} (known: {', '.join(SAMPLERS)})"
            )
        check_measured(parse_objectives(self.objectives), self.limits, self.sampler)

    @property
    def rungs(self) -> tuple[Fidelity, ...]:
        """The ladder with full training at its top."""
        return (*(self.ladder or ()), self.fidelity)

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """Where a session of a search runs, and for how long."""

    workers: Literal["local"] | int | None = None
    address: str | None = None
    cpus_per_worker: float = 1
    gpus_per_worker: float | None = None
    node_class: str | None = None
    """A Ray resource that the workers' nodes must have."""
    minutes: float | None = None
    """Of this session, after which no training begins; those under way end, or are dropped where
    the search is deterministic."""

    @property
    def is_cluster(self) -> bool:
        """Whether workers may be on other machines."""
        return self.workers != "local" and bool(self.address or os.environ.get("RAY_ADDRESS"))

    def __post_init__(self) -> None:
        """Raise OptionError on what no pool can be, before a run folder is made."""
        if self.workers == "local" and self.address is not None:
            raise OptionError(
                f"`workers` local evaluates in this process, so `address` {self.address} would "
                "do nothing; drop one of the two"
            )
        if not self.cpus_per_worker > 0:
            raise OptionError(
                f"`cpus_per_worker` {self.cpus_per_worker:g}: write a number above 0"
            )
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise OptionError(f"`minutes` {self.minutes:g}: write a number above 0")


def parse_workers(text: str | None) -> Literal["local"] | int | None:
    """`local`, a number of workers, or None for as many as fit. Raises OptionError."""
    if text is None or text == "local":
        return text  # type: ignore[return-value]
    if not text.isdecimal() or int(text) < 1:
        raise OptionError(f"`workers` {text}: write local, or a number of workers of at least 1")
    return int(text)
