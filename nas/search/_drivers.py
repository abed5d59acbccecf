"""Several drivers on one study: who evaluates what, and whose trials are taken over.

Each driver leaves a sign of life in the study every `BEAT_S`, from a thread of its own, because a
training in this process may last. A trial names its driver; one whose driver has been silent for
`GONE_S`, or has said goodbye, may be evaluated by any other.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from nas.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BEAT_S = 10.0
GONE_S = 60.0


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

    def __init__(self, store: SignsOfLife) -> None:
        """Take a name."""
        self._store = store
        self.name = store.driver = uuid4().hex[:8]

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Give signs of life within, and say goodbye at the end."""
        over = threading.Event()
        self._store.beat(time.time())
        threading.Thread(target=self._beat, args=(over,), daemon=True).start()
        try:
            yield
        except StorageError:
            over.set()  # There is nobody to say goodbye to.
            raise
        finally:
            if not over.is_set():
                over.set()
                self._store.beat(0.0)

    def present(self) -> frozenset[str]:
        """The drivers that gave a sign of life lately."""
        now_s = time.time()
        beats = self._store.beats().items()
        return frozenset(name for name, at_s in beats if now_s - at_s < GONE_S)

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(BEAT_S):
            try:
                self._store.beat(time.time())
            except StorageError:
                continue  # The search itself finds out, and says so.
