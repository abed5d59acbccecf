"""A limit for reading: not of time, which large data may take, but of time without progress."""

from __future__ import annotations

import queue
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from nas.data._in_threads import STALL_S
from nas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

LIMIT_S = STALL_S + 30.0
"""Longer than for one file of a folder, whose message names the file."""
POLL_S = 1.0


def unless_stalled(
    read: Callable[[], Result], name: str, *, limit_s: float = LIMIT_S, poll_s: float = POLL_S
) -> Result:
    """`read()`, given up where it neither computes nor reads a byte for `limit_s` seconds.

    It runs in a daemon thread: one that waits for a dead mount does not keep the process alive.

    Args:
        read: What may hang.
        name: The data, for the message.
        limit_s: Seconds without progress.
        poll_s: How often it is looked at.

    Raises:
        DataError: It has stalled.
        Exception: Whatever `read` raised.
    """
    answers = queue.SimpleQueue[tuple[bool, object]]()
    thread = threading.Thread(target=_answer, args=(read, answers), daemon=True)
    thread.start()
    done, since_s = _progress(thread), time.monotonic()
    while True:
        try:
            good, answer = answers.get(timeout=poll_s)
        except queue.Empty:
            now = _progress(thread)
            if now != done:
                done, since_s = now, time.monotonic()
            elif time.monotonic() - since_s >= limit_s:
                raise DataError(
                    f"{name}: nothing could be read of it for {limit_s:g} s; is the disk, the "
                    "network mount or the server it is on alive? Copy the data to a local disk, "
                    "or try again."
                ) from None
            continue
        if good:
            return answer  # type: ignore[return-value]
        assert isinstance(answer, BaseException)
        raise answer


def _answer(read: Callable[[], object], answers: queue.SimpleQueue[tuple[bool, object]]) -> None:
    try:
        answers.put((True, read()))
    except BaseException as error:  # raised anew by the thread that waits
        answers.put((False, error))


def _progress(thread: threading.Thread) -> tuple[float, str]:
    """What the thread has computed and read so far; changes as long as it gets anywhere."""
    try:
        assert thread.ident is not None
        cpu_s = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        counted = Path(f"/proc/self/task/{thread.native_id}/io").read_text()
    except (OSError, AttributeError):
        # It has just ended, or this is no Linux, where nothing is known and nothing given up.
        return time.monotonic(), ""
    return cpu_s, counted
