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
from typing import NoReturn

from nas.errors import ClusterError
from nas.workers._plan import Node
from nas.workers._quiet_ray import ray

_ALLOWED = (
    "allowed: auto (the Ray running on this machine), HOST:PORT (this machine is part of the "
    "cluster; PORT is usually 6379), ray://HOST:PORT (it is not; usually 10001)"
)
_CONNECT_TIMEOUT_S = 5.0
_JOIN = "import sys, ray; ray.init(address=sys.argv[1], log_to_driver=False)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A Ray that this process talks to."""

    owned: bool
    """Whether we connected, and so have to disconnect."""
    dashboard_url: str | None


def connect(address: str | None, *, answer_timeout_s: float = 20.0) -> Connection:
    """Join the Ray at `address`, or start one here.

    Args:
        address: None or `local` starts a Ray on this machine that ends with this process,
            unless the process uses Ray already or RAY_ADDRESS names a cluster, as it does in
            a submitted Ray job. Otherwise `auto`, `HOST:PORT` or `ray://HOST:PORT`.
        answer_timeout_s: seconds to wait for a sign of Ray at the address.

    Raises:
        ClusterError: the address is not one, nobody answers there, or Ray refuses.
    """
    if address in (None, "auto"):
        address = os.environ.get("RAY_ADDRESS") or address
    if address not in (None, "local"):
        _check_answers(address, answer_timeout_s)
    if ray.is_initialized():
        return _reuse(address)
    try:
        context = ray.init(
            address=address or "local", log_to_driver=False, logging_level=logging.ERROR
        )
    except Exception as error:
        _refuse(address or "local", _first_line(str(error)), error)
    return Connection(owned=True, dashboard_url=_with_scheme(context.dashboard_url))


def disconnect(connection: Connection) -> None:
    """Leave the Ray; one that `connect` started ends."""
    if connection.owned:
        ray.shutdown()


def cluster_nodes() -> list[Node]:
    """The machines that are up, with all they offer, busy or not."""
    states = ray.nodes()  # type: ignore[no-untyped-call]
    totals = [state["Resources"] for state in states if state["Alive"]]
    return [Node(cpus=total.get("CPU", 0), gpus=total.get("GPU", 0)) for total in totals]


def free_resources() -> str:
    """What no program holds at the moment, in words."""
    free = ray.available_resources()  # type: ignore[no-untyped-call]
    return f"{free.get('CPU', 0):g} CPUs and {free.get('GPU', 0):g} GPUs"


def _reuse(address: str | None) -> Connection:
    if address is not None:
        _refuse(address, "this process is connected to a Ray already; call ray.shutdown() first")
    return Connection(owned=False, dashboard_url=None)


def _check_answers(address: str | None, timeout_s: float) -> None:
    if address != "auto":
        host, port = parse_address(str(address))
        try:
            socket.create_connection((host, port), timeout=_CONNECT_TIMEOUT_S).close()
        except OSError as error:
            _refuse(str(address), f"nothing answers there ({error})", error)
    _try_in_child(str(address), timeout_s)


def _try_in_child(address: str, timeout_s: float) -> None:
    """Join from a process that may be killed: a port that accepts need not be Ray's."""
    command = [sys.executable, "-P", "-c", _JOIN, address]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        # Ray sends its token to an address only when told to, and then waits without a word.
        reason = (
            f"something accepts connections, but not as Ray does within {timeout_s:g} s (a Ray "
            "that wants a token answers only if RAY_AUTH_MODE=token is set here)"
        )
        _refuse(address, reason, error)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"Ray ended with status {done.returncode}"]
        _refuse(address, lines[-1])


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`, `[IPV6]:PORT` or either behind `ray://`.

    Raises:
        ClusterError: it is none of these.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ClusterError(f"--address {address}: not an address of a Ray; {_ALLOWED}")
    return host, int(port)


def _refuse(address: str, reason: str, cause: BaseException | None = None) -> NoReturn:
    raise ClusterError(
        f"--address {address}: no Ray to be had: {reason.rstrip('.')}. "
        "Look whether the head node runs (`ray start --head` there, `ray status`) and whether "
        f"a firewall lets you through; {_ALLOWED}; without --address, Ray starts on this machine"
    ) from cause


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _with_scheme(url: str | None) -> str | None:
    if not url:
        return None
    return url if "://" in url else f"http://{url}"
