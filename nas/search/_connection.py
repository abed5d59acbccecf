"""How databases are connected to: no question waits for hours on a network that is gone."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import Engine, ExceptionContext

CONNECT_TIMEOUT_S = 10
IDLE_S, INTERVAL_S, COUNT = 30, 10, 3
"""A connection is asked for a sign of life after IDLE_S, and is lost after COUNT without one."""
LOST_S = IDLE_S + COUNT * INTERVAL_S
READ_ONLY = "25006"
"""SQLSTATE of a write where only reading is allowed: after a failover this server is the wrong
one."""

_LIBPQ = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "keepalives_idle": IDLE_S,
    "keepalives_interval": INTERVAL_S,
    "keepalives_count": COUNT,
    "tcp_user_timeout": 1000 * LOST_S,
}
_MYSQL = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    # No question of a search takes so long, and MySQL's drivers set no keepalives.
    "read_timeout": LOST_S,
    "write_timeout": LOST_S,
}
_OPTIONS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "postgresql+psycopg": _LIBPQ,
        "postgresql+psycopg2": _LIBPQ,
        "mysql+mysqldb": _MYSQL,
        "mysql+pymysql": _MYSQL,
        "mariadb+mysqldb": _MYSQL,
        "mariadb+pymysql": _MYSQL,
    }
)
"""By driver, which waits for minutes on an address nobody answers, and for hours on a connection
whose network went away, unless told otherwise."""


def engine_options(url: str) -> dict[str, Any]:
    """What SQLAlchemy's engine is to be told of a database; what the URL says itself holds."""
    parsed = make_url(url)
    driver = f"{parsed.get_backend_name()}+{parsed.get_driver_name()}"
    options = _OPTIONS.get(driver, {})
    left = {name: value for name, value in options.items() if name not in parsed.query}
    return {"connect_args": left} if left else {}


def leave_read_only_servers(engine: Engine) -> None:
    """Connect anew where a server lets nobody write: another one may have taken its place."""

    @event.listens_for(engine, "handle_error")
    def note(context: ExceptionContext) -> None:
        if is_read_only(context.original_exception):
            context.is_disconnect = True


def is_read_only(error: BaseException | None) -> bool:
    """Whether a PostgreSQL server refused to write at all."""
    return READ_ONLY in (getattr(error, "sqlstate", None), getattr(error, "pgcode", None))
