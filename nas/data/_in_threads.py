"""One function over many files, on a few threads, with an eye on files that never end."""

from __future__ import annotations

import os
import queue
import threading
from typing import TYPE_CHECKING, TypeVar

from nas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

STALL_S = 120.0
"""Without a single file read for so long, a disk or a mount is taken for dead."""
_THREADS = 4


def in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], *, stall_s: float = STALL_S
) -> list[Result]:
    """`function` of every item, in their order.

    Threads are daemons: one that waits for a dead mount does not keep the process alive.

    Raises:
        DataError: No call has returned for `stall_s` seconds.
        Exception: Whatever a call raised first.
    """
    results: dict[int, Result] = {}
    waiting = iter(range(len(items)))
    lock, events = threading.Lock(), queue.SimpleQueue[BaseException | None]()
    busy: dict[int, Item] = {}

    def work(thread: int) -> None:
        while True:
            with lock:
                number = next(waiting, None)
            if number is None:
                return
            busy[thread] = items[number]
            try:
                results[number] = function(items[number])
            except BaseException as error:  # raised anew by the thread that waits
                events.put(error)
                return
            del busy[thread]
            events.put(None)

    for thread in range(min(_THREADS, len(os.sched_getaffinity(0)), len(items))):
        threading.Thread(target=work, args=(thread,), daemon=True).start()
    for _ in items:
        try:
            error = events.get(timeout=stall_s)
        except queue.Empty:
            raise DataError(_stalled(list(busy.values()), stall_s)) from None
        if error is not None:
            raise error
    return [results[number] for number in range(len(items))]


def _stalled(items: Sequence[object], stall_s: float) -> str:
    return (
        f"{', '.join(map(str, items))}: not read within {stall_s:g} s; is the disk or network "
        "mount it is on alive? Copy the data to a local disk, or try again."
    )
