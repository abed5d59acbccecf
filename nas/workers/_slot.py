"""What the driver notes of a task under way, and of a place for a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from nas.trial import Task
    from nas.workers._plan import Node
    from nas.workers._pool import Device

    Phase = Literal["placing", "loading", "idle", "busy", "resting", "retired"]

MAX_LOSSES = 2
"""A task that took this many workers with it, or hung this often, is given up."""
MAX_MISHAPS = 8
"""The same for deaths that a task shares with others, and for nodes that left."""
MAX_REST_S = 60.0


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """A task on its way through the pool."""

    task: Task
    losses: int = 0
    """Workers that died of it, or hung on it."""
    mishaps: int = 0
    """Workers that died under it together with others, or with their node."""
    alone: bool = False
    """Whether it ran out of a shared GPU's memory, and now wants the GPU to itself."""

    @property
    def name(self) -> str:
        """What Ray's dashboard and `ps` call it."""
        return f"network {getattr(self.task.arch, 'id', self.task.arch)}, trial {self.task.number}"

    @property
    def is_lost(self) -> bool:
        """Whether it is given up."""
        return self.losses >= MAX_LOSSES or self.mishaps >= MAX_MISHAPS

    def acquit(self) -> None:
        """Take back that a worker died of this job: another one died at the same time."""
        if self.losses:
            self.losses -= 1
            self.mishaps += 1


@dataclass(slots=True, kw_only=True, eq=False)
class Slot:
    """A place for a worker, and the actor that fills it now."""

    index: int
    actor: Any = None
    node: Node | None = None
    """Where it is; None until it has a place."""
    phase: Phase = "placing"
    since_s: float = 0.0
    """When the phase began, by the pool's clock."""
    awaited: Any = None
    """Reference to the answer that ends the phase; None where nothing is awaited."""
    job: Job | None = None
    device: Device = "cpu"
    gpu: str = ""
    failed_starts: int = 0
    """In a row. After each the slot rests twice as long before the next try."""

    @property
    def name(self) -> str:
        """What results call the worker."""
        return f"ray-{self.index}"

    @property
    def where(self) -> str:
        """Its machine, for messages: ` on HOST`; nothing where there is no choice."""
        return f" on {self.node.host}" if self.node is not None and self.node.host else ""

    @property
    def is_well(self) -> bool:
        """Whether its worker has loaded what it needs."""
        return self.phase in ("idle", "busy")

    @property
    def rest_s(self) -> float:
        """How long to wait before the next start."""
        return min(2.0 ** (self.failed_starts - 1), MAX_REST_S)

    def enter(self, phase: Phase, awaited: Any, now_s: float) -> None:
        """Begin a phase."""
        self.phase, self.awaited, self.since_s = phase, awaited, now_s
