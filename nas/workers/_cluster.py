"""Reach a Ray: start one on this machine, or join one that runs elsewhere.

Ray itself waits minutes for an address that nobody answers and then ends the whole process
(2.60), so an address is tried in harmless ways first.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

from nas.errors import ClusterError
from nas.workers._plan import Node
from nas.workers._processes import children, end, end_after_us, end_children, with_children
from nas.workers._quiet_ray import ray
from nas.workers._ray_errors import first_line

_ALLOWED = (
    "allowed: auto (the Ray running on this machine), HOST:PORT (this machine is part of the "
    "cluster; PORT is usually 6379), ray://HOST:PORT (it is not; usually 10001)"
)
ATTEMPTS = 3
"""How often a Ray of our own is started before it is given up."""
_CONNECT_TIMEOUT_S = 5.0
_OF_ALL = frozenset({"CPU", "GPU", "memory", "object_store_memory"})
"""Resources that every node has; Ray's own marks of a node have a colon."""
_SOCKET = "/ray/session_2026-01-31_00-00-00_000000_1234567/sockets/plasma_store"
"""What a socket's path is within Ray's folder."""
_LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path, on Linux."""
TOKEN = (
    "A Ray that wants a token answers only where RAY_AUTH_MODE=token is set and the token of its "
    "head is known: copy ~/.ray/auth_token from there (`ray get-auth-token` prints it), or set "
    "RAY_AUTH_TOKEN"
)
_JOIN = "import sys, ray; print(flush=True); ray.init(address=sys.argv[1], log_to_driver=False)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A Ray that this process talks to."""

    owned: bool
    """Whether we connected, and so have to disconnect."""
    dashboard_url: str | None
    """With the way to log in, where that takes a token."""
    is_ours: bool = False
    """Whether this Ray was started here, for us alone."""
    is_client: bool = False
    """Whether it is reached through `ray://`, from a machine that is no part of the cluster."""
    started: frozenset[int] = frozenset()
    """Processes of a Ray of ours."""
    guard: subprocess.Popen[bytes] | None = None
    """Ends what is left of a Ray of ours if this process is killed."""

    @property
    def is_joined(self) -> bool:
        """Whether it was there before, so that nodes of it may still be starting."""
        return self.owned and not self.is_ours


def connect(address: str | None, *, answer_timeout_s: float = 45.0) -> Connection:
    """Join the Ray at `address`, or start one here.

    Args:
        address: None or `local` starts a Ray on this machine that ends with this process,
            unless the process uses Ray already or RAY_ADDRESS names a cluster, as it does in
            a submitted Ray job. Otherwise `auto`, `HOST:PORT` or `ray://HOST:PORT`.
        answer_timeout_s: seconds to wait for a sign of Ray at the address.

    Raises:
        ClusterError: the address is not one, nobody answers there, or Ray refuses.
    """
    named = Address.of(address)
    if named.text not in (None, "local"):
        _check_answers(named, answer_timeout_s)
    if ray.is_initialized():
        return _reuse(named)
    if named.is_ours:
        _check_sockets()
    known = children()
    context = _init(named)
    started = frozenset(children() - known if named.is_ours else ())
    return Connection(
        owned=True,
        dashboard_url=_told(context.dashboard_url),
        is_ours=named.is_ours,
        is_client=named.is_client,
        started=started,
        guard=end_after_us(with_children(started)),
    )


def _init(address: Address) -> Any:
    """Start or join; a Ray that comes up too slowly for Ray's own limit of 30 s is tried again."""
    for attempts_left in reversed(range(ATTEMPTS)):
        known = children()
        try:
            return ray.init(
                address=address.text or "local", log_to_driver=False, logging_level=logging.ERROR
            )
        except BaseException as error:
            end_children(except_for=known)
            if not isinstance(error, Exception):
                raise  # Ctrl-C, or a signal that Ray's own handler has answered
            slow = address.is_ours and "timed out during startup" in str(error)
            if not (slow and attempts_left):
                _refuse(address, first_line(error), error)
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Ray is looked for, and who said so."""

    text: str | None
    """None for a Ray of our own."""
    from_environment: bool = False

    @classmethod
    def of(cls, given: str | None) -> Address:
        """As given, or as RAY_ADDRESS has it where nothing but `auto` is given."""
        found = os.environ.get("RAY_ADDRESS") if given in (None, "auto") else None
        return cls(found, from_environment=True) if found else cls(given)

    @property
    def is_ours(self) -> bool:
        """Whether a Ray is started here."""
        return self.text in (None, "local")

    @property
    def is_client(self) -> bool:
        """Whether a Ray client server is meant."""
        return bool(self.text) and str(self.text).startswith("ray://")

    def __str__(self) -> str:
        """The words that a message begins with."""
        if self.is_ours:
            return "Ray on this machine"
        return f"{'RAY_ADDRESS=' if self.from_environment else '`address` '}{self.text}"


def disconnect(connection: Connection) -> None:
    """Leave the Ray; one that `connect` started ends."""
    if connection.owned:
        ours = with_children(connection.started)
        ray.shutdown()
        end(ours)  # agents that had just begun would go on for a minute
    if connection.guard is not None:
        connection.guard.kill()
        connection.guard.communicate()


def cluster_nodes() -> list[Node]:
    """The machines that are up, with all they offer, busy or not."""
    states = ray.nodes()  # type: ignore[no-untyped-call]
    return [_node(state) for state in states if state["Alive"]]


def _node(state: dict[str, Any]) -> Node:
    total = state["Resources"]
    return Node(
        cpus=total.get("CPU", 0),
        gpus=total.get("GPU", 0),
        classes=frozenset(name for name in total if name not in _OF_ALL and ":" not in name),
        id=state["NodeID"],
        host=state["NodeManagerHostname"],
    )


def free_resources() -> str:
    """What no program holds at the moment, in words."""
    free = ray.available_resources()  # type: ignore[no-untyped-call]
    return f"{free.get('CPU', 0):g} CPUs and {free.get('GPU', 0):g} GPUs"


def _reuse(address: Address) -> Connection:
    if address.text is not None:
        _refuse(address, "this process is connected to a Ray already; call ray.shutdown() first")
    return Connection(owned=False, dashboard_url=None)


def _check_answers(address: Address, timeout_s: float) -> None:
    if address.text != "auto":
        host, port = parse_address(address)
        try:
            socket.create_connection((host, port), timeout=_CONNECT_TIMEOUT_S).close()
        except OSError as error:
            _refuse(address, f"nothing answers there ({error})", error)
    _try_in_child(address, timeout_s)


def _try_in_child(address: Address, timeout_s: float) -> None:
    """Join from a process that may be killed: a port that accepts need not be Ray's."""
    command = [sys.executable, "-P", "-c", _JOIN, str(address.text)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as child:
        assert child.stdout is not None
        try:
            # Ray is loaded first, which takes a busy machine longer than to join.
            child.stdout.readline()
            _, said = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            child.kill()
            # Ray sends its token to an address only when told to, and then waits without a word.
            reason = (
                f"something accepts connections, but not as Ray does within {timeout_s:g} s. "
                f"{TOKEN}"
            )
            _refuse(address, reason, error)
        except BaseException:  # Popen does not wait for it, nor end it
            child.kill()
            raise
    if child.returncode != 0:
        lines = said.strip().splitlines() or [f"Ray ended with status {child.returncode}"]
        _refuse(address, lines[-1])


def parse_address(address: Address) -> tuple[str, int]:
    """Host and port of `HOST:PORT`, `[IPV6]:PORT` or either behind `ray://`.

    Raises:
        ClusterError: it is none of these.
    """
    host, _, port = str(address.text).removeprefix("ray://").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ClusterError(f"{address}: not an address of a Ray; {_ALLOWED}")
    return host, int(port)


def _refuse(address: Address, reason: str, cause: BaseException | None = None) -> NoReturn:
    raise ClusterError(f"{address}: {_explained(address, reason.rstrip('.'))}") from cause


def _explained(address: Address, reason: str) -> str:
    """What went wrong, and the way out that fits where the address came from."""
    if address.is_ours:
        return (
            f"cannot start: {reason}. Its files and sockets lie in {_folder()} (RAY_TMPDIR names "
            "another folder): look whether that can be written and has space; a search with "
            "`workers` local does without Ray"
        )
    if address.from_environment:
        return (
            f"no Ray to be had: {reason}. The variable RAY_ADDRESS is set here, perhaps left over "
            "from a cluster that has ended: `unset RAY_ADDRESS`, or overrule it with `address` "
            "local (a Ray on this machine) or, for a search, `workers` local (no Ray); "
            f"{_ALLOWED}"
        )
    return (
        f"no Ray to be had: {reason}. Look whether the head node runs (`ray start --head` there, "
        f"`ray status`) and whether a firewall lets you through; {_ALLOWED}; without `address`, "
        "Ray starts on this machine"
    )


def _check_sockets() -> None:
    """Raise ClusterError where Ray's folder is too long a path for its sockets.

    Ray finds that out, too, but with some of its processes already running.
    """
    folder = _folder()
    path = f"{folder.partition('=')[2] or folder}{_SOCKET}"
    if len(os.fsencode(path)) > _LONGEST_SOCKET:
        raise ClusterError(
            f"Ray on this machine: cannot start: its sockets would lie in {folder}, and with "
            f"{len(os.fsencode(path))} bytes their paths are too long ({_LONGEST_SOCKET} are "
            "allowed). Set RAY_TMPDIR to a short folder, as in RAY_TMPDIR=/tmp; a search with "
            "`workers` local does without Ray"
        )


def _folder() -> str:
    """Where a Ray of our own keeps its files, with the variable that says so."""
    variable = next((name for name in ("RAY_TMPDIR", "TMPDIR") if os.environ.get(name)), None)
    return f"{variable}={os.environ[variable]}" if variable else "/tmp"


def _told(dashboard_url: str | None) -> str | None:
    """A dashboard's address, and the token that it asks for where Ray has turned that on."""
    if not dashboard_url:
        return None
    url = dashboard_url if "://" in dashboard_url else f"http://{dashboard_url}"
    wants_token = os.environ.get("RAY_AUTH_MODE", "").lower() == "token"
    return f"{url} (token: `ray get-auth-token`)" if wants_token else url
