"""Ray's ports as a search asks for them, of programs that only listen; the clock is made up."""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from nas.errors import OutageError
from nas.workers import _watch
from nas.workers._watch import HEAD_GRACE_S, PERIOD_S, RayWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Port = tuple[str, int]


class Listener:
    """A program on a port, which may end, come back and hang."""

    def __init__(self) -> None:
        self._held = ExitStack()
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port: Port = server.getsockname()
        self.begin()

    def begin(self, backlog: int | None = None) -> None:
        """Listen; with a backlog, no more than so many are kept waiting."""
        self._server = socket.create_server(self.port, backlog=backlog)

    def end(self) -> None:
        self._held.close()
        self._server.close()

    def hang(self) -> None:
        """Listen on, and let nobody in any more."""
        self.end()
        self.begin(backlog=0)
        with suppress(TimeoutError):
            while True:
                self._held.enter_context(socket.create_connection(self.port, timeout=0.05))


@pytest.fixture
def listen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Listener]]:
    monkeypatch.setattr(_watch, "CONNECT_TIMEOUT_S", 0.05)
    with ExitStack() as stack:

        def begin() -> Listener:
            listener = Listener()
            stack.callback(listener.end)
            return listener

        yield begin


@pytest.fixture
def head(listen: Callable[[], Listener]) -> Listener:
    return listen()


@pytest.fixture
def raylet(listen: Callable[[], Listener]) -> Listener:
    return listen()


class Watched:
    """A watch, and the time it has."""

    def __init__(self, head: Port | None, raylet: Port | None, head_grace_s: float) -> None:
        self.now_s = 1000.0
        self._watch = RayWatch(
            head=head, raylet=raylet, head_grace_s=head_grace_s, clock=lambda: self.now_s
        )

    def check_for(self, seconds: float) -> None:
        """Look every second for so long."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s += 1
            self._watch.check()


@pytest.fixture
def watched(head: Listener, raylet: Listener) -> Watched:
    return Watched(head.port, raylet.port, HEAD_GRACE_S)


def test_a_ray_that_is_well_is_left_alone(watched: Watched) -> None:
    watched.check_for(100)


def test_a_head_that_is_back_in_time_was_only_restarted(watched: Watched, head: Listener) -> None:
    for _ in range(3):
        head.end()
        watched.check_for(HEAD_GRACE_S - PERIOD_S)
        head.begin()
        watched.check_for(PERIOD_S)


def test_a_head_that_is_gone_for_too_long_ends_the_search(
    watched: Watched, head: Listener
) -> None:
    watched.check_for(10)
    head.end()
    watched.check_for(HEAD_GRACE_S)
    host, port = head.port
    with pytest.raises(OutageError, match=f"the head at {host}:{port} has not answered for 40 s"):
        watched.check_for(2 * PERIOD_S)


def test_a_head_that_is_silent_counts_as_gone(watched: Watched, head: Listener) -> None:
    head.hang()
    watched.check_for(HEAD_GRACE_S)
    with pytest.raises(OutageError, match="has not answered for 40 s"):
        watched.check_for(2 * PERIOD_S)


def test_a_head_of_our_own_that_is_gone_does_not_come_back(
    head: Listener, raylet: Listener
) -> None:
    watched = Watched(head.port, raylet.port, 0.0)
    watched.check_for(10)
    head.end()
    with pytest.raises(OutageError, match="its head on this machine is gone, killed or out of"):
        watched.check_for(PERIOD_S)


def test_a_raylet_that_is_gone_ends_the_search_at_once(watched: Watched, raylet: Listener) -> None:
    watched.check_for(10)
    raylet.end()
    with pytest.raises(OutageError, match="its raylet on this machine is gone, killed or out of"):
        watched.check_for(PERIOD_S)


def test_a_raylet_that_is_only_busy_is_there(watched: Watched, raylet: Listener) -> None:
    raylet.hang()
    watched.check_for(20)


def test_nothing_is_asked_between_two_looks(watched: Watched, raylet: Listener) -> None:
    watched.check_for(PERIOD_S)
    raylet.end()
    watched.check_for(PERIOD_S - 1)
    with pytest.raises(OutageError):
        watched.check_for(1)


def test_through_a_ray_client_no_port_need_be_in_reach() -> None:
    Watched(None, None, HEAD_GRACE_S).check_for(100)
