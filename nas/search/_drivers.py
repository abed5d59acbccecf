"""Several drivers on one study: who evaluates what, and whose trials are taken over.

Each driver leaves a sign of life in the study every `BEAT_S`, from a thread of its own, because a
training in this process may last. A trial names its driver; one whose driver has given no sign
for `GONE_S`, or has said goodbye, may be evaluated by any other. Signs are compared with each
other and never with a clock: drivers run on machines whose clocks differ. While this machine
sleeps, or its container is frozen, nobody's silence grows: the others may sleep there too.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from nas.clock import AwakeClock
from nas.errors import OutageError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BEAT_S = 10.0
GONE_S = 60.0
LAST_BEAT_S = 5.0
"""How long a sign of life that is being written is waited for, before the goodbye."""


class SignsOfLife(Protocol):
    """The side of a store that drivers use; `beat` may be called from any thread."""

    driver: str
    """Who opens and takes over trials; empty where there is but one driver."""

    def beat(self, at_s: float) -> None:
        """This driver is alive at `at_s` (Unix time); 0: it leaves."""

    def beats(self) -> Mapping[str, float]:
        """The last sign of life of each driver."""


class Drivers:
    """This driver among the others."""

    def __init__(
        self, store: SignsOfLife, *, seat: str = "", clock: Callable[[], float] | None = None
    ) -> None:
        """Take a name.

        Args:
            store: The study.
            seat: A place that one driver held at a time until now, such as a locked run folder:
                whoever held it before is gone.
            clock: Seconds in which this process could run.
        """
        self._store = store
        self._clock = clock or AwakeClock(max_step_s=2 * BEAT_S)
        self._gone = frozenset(
            name for name in store.beats() if seat and name.rpartition(".")[0] == seat
        )
        self.name = store.driver = ".".join(filter(None, (seat, uuid4().hex[:8])))
        self._signs: dict[str, float] = {}
        self._seen_s: dict[str, float] = {}
        """When a driver's sign was new, by `clock`."""

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Give signs of life within, and say goodbye at the end."""
        over = threading.Event()
        self._store.beat(time.time())
        beating = threading.Thread(target=self._beat, args=(over,), daemon=True)
        beating.start()
        try:
            yield
        except (StorageError, OutageError):
            over.set()  # There is nobody to say goodbye to.
            raise
        finally:
            if not over.is_set():
                over.set()
                beating.join(LAST_BEAT_S)  # written after the goodbye, it would undo it
                self._store.beat(0.0)

    def present(self) -> frozenset[str]:
        """This driver, and the others that gave a sign of life lately."""
        now_s = self._clock()
        for name, sign in self._store.beats().items():
            if self._signs.get(name) != sign:
                self._signs[name], self._seen_s[name] = sign, now_s
        return frozenset(
            name
            for name, sign in self._signs.items()
            if sign and now_s - self._seen_s[name] < GONE_S and name not in self._gone
        ) | {self.name}

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(BEAT_S):
            self._clock()  # it has to be looked at while a training lasts
            try:
                self._store.beat(time.time())
            except (StorageError, OutageError):
                continue  # The search itself finds out, and says so.
