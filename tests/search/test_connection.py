"""What databases' drivers are told, and a server that lets nobody write."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import InternalError

from nas.errors import StorageError
from nas.search import StorageAddress, create_study, with_password
from nas.search import _patient as patient
from nas.search._connection import engine_options, is_read_only
from nas.search._optuna_store import OptunaStore
from nas.search._storage import open_database
from tests.search.small import all_genomes

if TYPE_CHECKING:
    from nas.search import Problem
    from tests.run.postgresql import Server

psycopg = pytest.importorskip("psycopg")


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("postgresql://h/d", {"connect_timeout", "keepalives_idle", "tcp_user_timeout"}),
        ("mysql+pymysql://h/d", {"connect_timeout", "read_timeout", "write_timeout"}),
        ("mariadb+mysqldb://h/d", {"connect_timeout", "read_timeout", "write_timeout"}),
    ],
)
def test_a_network_that_is_gone_is_noticed(url: str, names: set[str]) -> None:
    assert names <= engine_options(url)["connect_args"].keys()


@pytest.mark.parametrize("url", ["sqlite:///a.db", "postgresql+pg8000://h/d", "oracle://h/d"])
def test_drivers_that_know_other_words_are_told_nothing(url: str) -> None:
    assert engine_options(url) == {}


def test_what_a_url_says_itself_holds() -> None:
    told = engine_options("postgresql://h/d?connect_timeout=3&keepalives_idle=9")["connect_args"]
    assert not told.keys() & {"connect_timeout", "keepalives_idle"}
    assert told["keepalives_count"] == 3


def test_a_url_without_a_password_reaches_the_driver_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's library then reads PGPASSFILE or `~/.pgpass` by itself."""
    seen: list[dict[str, Any]] = []

    def connect(*args: object, **options: object) -> None:
        seen.append(options)
        raise psycopg.OperationalError("no server here")

    monkeypatch.delenv("NAS_STORAGE_PASSWORD", raising=False)
    monkeypatch.setattr(psycopg, "connect", connect)
    url = with_password("postgresql+psycopg://ann@h:5/d")
    with pytest.raises(StorageError):
        open_database(StorageAddress(study="small", url=url))
    asked = [{name: one[name] for name in ("host", "port", "dbname", "user")} for one in seen]
    assert asked == [{"host": "h", "port": 5, "dbname": "d", "user": "ann"}]
    assert "password" not in seen[0]


def test_the_operating_system_watches_each_connection(server: Server) -> None:
    backend: Any = open_database(StorageAddress(study="small", url=server.url))
    with backend.engine.connect() as connection:
        told = socket.socket(fileno=connection.connection.dbapi_connection.fileno())
        options = [
            told.getsockopt(level, name)
            for level, name in (
                (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
                (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
                (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
            )
        ]
        told.detach()
    assert options == [1, 30, 10, 3, 60_000]


def test_a_server_that_lets_nobody_write_is_away() -> None:
    refused = psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT")
    other = psycopg.errors.NoActiveSqlTransaction("there is no transaction")
    assert is_read_only(refused)
    assert patient.is_away(InternalError("INSERT", {}, refused))
    assert not patient.is_away(InternalError("INSERT", {}, other))


def test_after_a_failover_the_other_server_is_written_to(
    server: Server, small: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patient, "FIRST_PAUSE_S", 0.01)
    address = StorageAddress(study="failover", url=server.url)
    create_study(address, small.objectives)
    notes: list[str] = []
    store = OptunaStore(small, address, note=notes.append)
    with store.batch():
        assert store.open_trial(all_genomes(small.space)[0], at=0, notes={}) == 0
    backend: Any = store._backend
    engine = backend._backend._backend.engine
    engine.dispose()
    # A connection to what has become a standby; a new one leads to the new primary.
    with engine.connect() as connection:
        connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
        connection.commit()

    with store.batch():
        store.add_promotion(0, (1,))
    assert [trial.promotions for trial in store.read()] == [(1,)]
    assert len(notes) == 2
    assert "cannot execute INSERT in a read-only transaction" in notes[0]
