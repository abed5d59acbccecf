"""The workers of a Ray pool: started, missed, tried again, and joined by others on new nodes.

The pool gives them work; here each place is filled with a worker that has loaded what it needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.errors import ClusterError, OutageError
from nas.workers._cluster import free_resources
from nas.workers._quiet_ray import ray
from nas.workers._ray_errors import cannot_load, died_at_start, loads_for_ever
from nas.workers._slot import Slot
from nas.workers._spawn import actor_class, kill, node_of, num_on, room_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.workers._actor import Started
    from nas.workers._plan import Plan
    from nas.workers._pool import Device, Factory
    from nas.workers._slot import Phase

MAX_STARTS = 2
"""Deaths in a row after which a pool that starts goes on without this worker."""
MAX_RESTARTS = 12
"""Failed starts in a row after which a place is left empty for good: 8 minutes."""
GROW_S = 10.0
"""How often it is asked whether nodes have joined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds that are waited."""

    start_s: float
    """For the cluster to find room for the workers."""
    load_s: float
    """For a worker to load what it needs."""
    restart_s: float
    """Without a single worker."""


class Crew:
    """Places for workers, and what fills them."""

    def __init__(
        self,
        plan: Plan,
        factory: Factory,
        *,
        asked: int | None,
        patience: Patience,
        clock: Callable[[], float],
    ) -> None:
        """Nobody is there yet.

        Args:
            plan: The workers to start.
            factory: What each of them loads.
            asked: How many were asked for; None adds workers wherever there is room.
            patience: How long is waited for what.
            clock: Tells seconds.
        """
        self.slots: list[Slot] = []
        self.notes: list[str] = []
        """What became of workers."""
        self.last_problem = "nothing is known of it"
        self._plan = plan
        self._asked = asked
        self._patience = patience
        self._clock = clock
        self._actor_class = actor_class(plan)
        self._factory = ray.put(factory)
        self._starting = True
        self._failed: dict[int, Exception] = {}
        """Why a worker is not waited for while the pool starts, by its index."""
        self._well_s = self._grown_s = 0.0

    @property
    def num_ready(self) -> int:
        """Workers that have loaded what they need."""
        return sum(slot.is_well for slot in self.slots)

    @property
    def devices(self) -> set[Device]:
        """What these train on."""
        return {slot.device for slot in self.slots if slot.is_well}

    def start(self, poll: Callable[[], object]) -> None:
        """Start all; `poll` waits for an answer, and settles it.

        Those that cannot start are tried again later, if there is another one that can.

        Raises:
            Exception: What kept the first one from starting, where none could.
        """
        self.slots = [Slot(index=index) for index in range(self._plan.num_workers)]
        for slot in self.slots:
            self._start(slot)
        while not all(slot.is_well or slot.index in self._failed for slot in self.slots):
            poll()
        if not self.num_ready:
            raise next(iter(self._failed.values()))
        self._starting, self._well_s = False, self._clock()

    def settle(self, slot: Slot) -> None:
        """An answer of a worker that starts has come."""
        try:
            answer: str | Started = ray.get(slot.awaited)
        except ray.exceptions.RayTaskError as error:
            self._on_failed_start(slot, cannot_load(slot, error), at_once=True)
            return
        except ray.exceptions.RayError as error:
            self._on_failed_start(slot, died_at_start(slot, error), at_once=False)
            return
        if isinstance(answer, str):
            self._load(slot, node_id=answer)
        elif answer.error is not None:
            self._on_failed_start(slot, answer.error, at_once=True)
        else:
            self._welcome(slot, answer)

    def replace(self, slot: Slot) -> None:
        """A fresh worker for one that is dead, or to be stopped."""
        kill(slot.actor)
        slot.job = None
        self._start(slot)

    def look_after(self) -> None:
        """Whatever is due: to be called every second.

        Raises:
            ClusterError: a worker finds no place while the pool starts.
            OutageError: later, no worker is left and none comes.
        """
        self._stop_loading()
        self._wake_rested()
        self._grow()
        self._check_room()

    def close(self) -> None:
        """End all."""
        for slot in self.slots:
            kill(slot.actor)

    def enter(self, slot: Slot, phase: Phase, awaited: Any) -> None:
        """A place begins a phase."""
        slot.enter(phase, awaited, self._clock())

    def _start(self, slot: Slot) -> None:
        """Ask for a fresh worker; its answers come in later turns."""
        slot.node = None
        slot.actor = self._actor_class.remote(
            index=slot.index, num_threads=self._plan.num_threads, gpus=self._plan.gpus_each
        )
        self.enter(slot, "placing", slot.actor.ping.remote())

    def _load(self, slot: Slot, *, node_id: str) -> None:
        slot.node = node_of(node_id)
        beside = num_on(slot.node, self._plan, asked=self._asked)
        self.enter(slot, "loading", slot.actor.start.remote(self._factory, beside))

    def _welcome(self, slot: Slot, started: Started) -> None:
        if slot.failed_starts:
            self.notes.append(f"worker {slot.name} is back")
        slot.device, slot.gpu, slot.failed_starts = started.device, started.gpu, 0
        self.enter(slot, "idle", None)

    def _on_failed_start(self, slot: Slot, error: Exception, *, at_once: bool) -> None:
        """Let the others work, and try again later; `at_once`: trying again helps little."""
        slot.failed_starts += 1
        if self._starting and (at_once or slot.failed_starts >= MAX_STARTS):
            if slot.where.removeprefix(" on ") not in str(error):
                error.add_note(f"(worker {slot.index}{slot.where})")
            self._failed.setdefault(slot.index, error)
        self.last_problem = str(error)
        kill(slot.actor)
        slot.job = None
        if slot.failed_starts >= MAX_RESTARTS:
            self.enter(slot, "retired", None)
            self.notes.append(f"worker {slot.name}{slot.where} is given up: {error}")
            return
        self.enter(slot, "resting", None)
        self.notes.append(
            f"worker {slot.name}{slot.where} could not start, next try in {slot.rest_s:g} s: "
            f"{error}"
        )

    def _stop_loading(self) -> None:
        limit_s = self._patience.load_s
        for slot in self._since("loading", limit_s):
            self._on_failed_start(slot, loads_for_ever(slot, limit_s), at_once=True)

    def _wake_rested(self) -> None:
        for slot in self.slots:
            if slot.phase == "resting" and self._clock() - slot.since_s >= slot.rest_s:
                self._start(slot)

    def _grow(self) -> None:
        """Add workers for nodes that have joined since."""
        if self._asked or self._starting or self._clock() - self._grown_s < GROW_S:
            return
        self._grown_s = self._clock()
        for index in range(len(self.slots), room_for(self._plan)):
            slot = Slot(index=index)
            self.slots.append(slot)
            self._start(slot)
            self.notes.append(f"a node has joined: worker {slot.name} is added")

    def _check_room(self) -> None:
        if self._starting:
            self._check_places()
        elif self.num_ready:
            self._well_s = self._clock()
        elif self._clock() - self._well_s > self._patience.restart_s:
            raise OutageError(
                f"Ray: for {self._patience.restart_s:g} s there has been no worker, and none "
                f"could be started. The last problem: {self.last_problem}"
            )

    def _check_places(self) -> None:
        late = self._since("placing", self._patience.start_s)
        if not late:
            return
        homeless = sum(slot.phase == "placing" for slot in self.slots)
        error = ClusterError(
            f"Ray: asked for {self._plan}, but {homeless} of them found no place in "
            f"{self._patience.start_s:g} s; free now: {free_resources()}. Other programs hold "
            "the rest: wait for them, ask for fewer `workers`, or add nodes"
        )
        if not all(slot.failed_starts for slot in late):
            raise error
        for slot in late:  # it had a place once, so its node may be gone
            self._failed.setdefault(slot.index, error)

    def _since(self, phase: Phase, limit_s: float) -> list[Slot]:
        """Places that have been in this phase for so long."""
        now_s = self._clock()
        return [
            slot for slot in self.slots if slot.phase == phase and now_s - slot.since_s >= limit_s
        ]
