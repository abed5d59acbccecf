"""Signal handlers of the caller, kept through libraries that install their own."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def handlers_kept(*signals: signal.Signals) -> Iterator[None]:
    """Afterwards the handlers are those from before; nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in signals}
    try:
        yield
    finally:
        for one, handler in before.items():
            # None stands for a handler that Python did not set and cannot put back.
            if handler is not None:
                signal.signal(one, handler)
