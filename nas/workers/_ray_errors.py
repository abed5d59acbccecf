"""What Ray's errors mean, in a sentence."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nas.errors import ClusterError, OutageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.workers._slot import Slot


def first_line(error: Exception) -> str:
    """What an error says, without its explanations."""
    return str(error).strip().partition("\n")[0]


def last_line(error: Exception) -> str:
    """The part of Ray's paragraphs that tells."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].partition(" Some common causes")[0] if lines else type(error).__name__


def cannot_load(slot: Slot, error: Exception) -> ClusterError:
    """For a worker that misses a module."""
    return ClusterError(
        f"Ray: worker {slot.index}{slot.where or _where(error)} cannot load its part of the "
        f"program ({last_line(error)}). Every node needs the same versions of this package and "
        "of what it imports: install it there"
    )


def loads_for_ever(slot: Slot, limit_s: float) -> ClusterError:
    """For a worker that does not come to an end with what it loads."""
    return ClusterError(
        f"Ray: worker {slot.index}{slot.where} has not loaded its data in {limit_s:g} s. Look "
        "whether the disk or server that they are on answers there, and whether a loader of "
        "your own comes to an end; its stack is in Ray's dashboard"
    )


def _where(error: Exception) -> str:
    """The machine that Ray names in an error."""
    found = re.search(r"\bip\s*[=:]\s*([\w.:]+)", str(error))
    return f" on {found[1]}" if found else ""


def died_with_its_node(error: Exception) -> bool:
    """Whether a worker is gone because its machine is."""
    text = str(error)
    return "node has died" in text or "node was terminated" in text or "node is dead" in text


@contextmanager
def said_if_ray_is_gone() -> Iterator[None]:
    """Turn a lost connection, as `ray://` has it, into a sentence."""
    try:
        yield
    except ConnectionError as error:
        raise OutageError(f"Ray: the connection to the cluster is lost ({error})") from error


def died_at_start(slot: Slot, error: Exception) -> ClusterError:
    """The end of a pool none of whose workers came to work."""
    return ClusterError(
        f"Ray: worker {slot.index}{slot.where or _where(error)} died {slot.failed_starts + 1} "
        f"times in a row while it started ({last_line(error)}). If a module is missing, install "
        "it on every node; otherwise look for memory, since each worker holds the data set: try "
        "fewer `workers`"
    )
