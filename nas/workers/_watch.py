"""Notice that Ray itself is gone, before Ray ends this process without a sentence.

A driver whose raylet died, or whose head has been silent for a minute, is ended by Ray's C++
code (2.60). Two ports are asked instead: the head's (GCS) and that of this machine's raylet.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from nas.clock import AwakeClock
from nas.errors import OutageError
from nas.workers._quiet_ray import ray

if TYPE_CHECKING:
    from collections.abc import Callable

Port = tuple[str, int]
"""Host and number."""
PERIOD_S = 2.0
CONNECT_TIMEOUT_S = 2.0
HEAD_GRACE_S = 40.0
"""How long a head may be silent: it can be restarted, and Ray itself gives up after 60 s."""
_GONE = "on this machine is gone, killed or out of memory"


class RayWatch:
    """Asks Ray's ports every `PERIOD_S`; made while Ray is well."""

    def __init__(
        self,
        *,
        head: Port | None,
        raylet: Port | None,
        head_grace_s: float = HEAD_GRACE_S,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Nothing is asked yet.

        Args:
            head: the head's; None where it need not be in reach.
            raylet: that of this machine's raylet, the same.
            head_grace_s: seconds that the head may be silent; 0 for one of our own, on this
                machine.
            clock: seconds in which this process could run: a head that slept beside it answers
                later, too.
        """
        self._head = head
        self._raylet = raylet
        self._head_grace_s = head_grace_s
        self._clock = clock or AwakeClock(max_step_s=HEAD_GRACE_S / 2)
        self._asked_s = self._answered_s = self._clock()

    def check(self) -> None:
        """Raise OutageError if this machine's raylet is gone, or the head for too long."""
        now_s = self._clock()
        if now_s - self._asked_s < PERIOD_S:
            return
        self._asked_s = now_s
        if self._raylet is not None and not _answers(self._raylet, if_silent=True):
            raise OutageError(f"Ray: its raylet {_GONE}")
        if self._head is None or _answers(self._head, if_silent=False):
            self._answered_s = now_s
        elif not self._head_grace_s:
            raise OutageError(f"Ray: its head {_GONE}")
        elif now_s - self._answered_s > self._head_grace_s:
            address = ":".join(map(str, self._head))
            raise OutageError(
                f"Ray: the head at {address} has not answered for {self._head_grace_s:g} s; look "
                "on its machine whether it runs (`ray status`)"
            )


def watch_ray(*, is_client: bool, head_grace_s: float) -> RayWatch:
    """A watch over the Ray that this process is connected to; `is_client`: by `ray://`."""
    if is_client:
        return RayWatch(head=None, raylet=None, head_grace_s=head_grace_s)
    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    return RayWatch(
        head=(host.strip("[]"), int(port)),
        raylet=_raylet_of(context.get_node_id()),
        head_grace_s=head_grace_s,
    )


def _raylet_of(node_id: str) -> Port | None:
    states: list[dict[str, object]] = ray.nodes()  # type: ignore[no-untyped-call]
    own = next((state for state in states if state["NodeID"] == node_id), None)
    if own is None:
        return None
    return str(own["NodeManagerAddress"]), int(str(own["NodeManagerPort"]))


def _answers(address: Port, *, if_silent: bool) -> bool:
    """Whether something listens there; `if_silent` where nothing is heard in time."""
    try:
        socket.create_connection(address, timeout=CONNECT_TIMEOUT_S).close()
    except TimeoutError:
        return if_silent
    except OSError:
        return False
    return True
