from __future__ import annotations

import errno
import os
import sys
import time
from typing import TYPE_CHECKING

import optuna
import pytest
from sqlalchemy.exc import OperationalError

from nas.errors import OutageError, StorageError
from nas.metrics import parse_objectives
from nas.search import StorageAddress, create_study, load_evaluations
from nas.search._journal import Journal
from nas.search._journal_reader import JournalReader
from nas.search._storage import open_database
from tests.search.small import journal_in, new_engine, open_engine, search

if TYPE_CHECKING:
    from pathlib import Path

    from nas.search import Problem


def at_url(url: str) -> StorageAddress:
    return StorageAddress(study="small", url=url)


def refusal(address: StorageAddress) -> str:
    with pytest.raises(StorageError) as refused:
        open_database(address)
    return str(refused.value)


def test_an_address_shows_no_password() -> None:
    assert str(at_url("postgresql://ann:secret@db:5432/nas")) == (
        "`storage` postgresql://ann:***@db:5432/nas"
    )


def test_a_url_that_is_none_is_refused() -> None:
    assert "`storage` nonsense: cannot be opened: Could not parse" in refusal(at_url("nonsense"))


def test_an_unknown_kind_of_database_is_refused() -> None:
    assert "cannot be opened: Can't load plugin" in refusal(at_url("nothing://x/y"))


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for driver in ("psycopg", "psycopg2"):  # SQLAlchemy's default changed with its version
        monkeypatch.setitem(sys.modules, driver, None)
    message = refusal(at_url("postgresql://ann:secret@127.0.0.1:1/nas"))

    assert message.startswith(
        "`storage` postgresql://ann:***@127.0.0.1:1/nas: the database's driver is not installed"
    )
    assert "psycopg" in message.partition("installed")[2]
    assert "secret" not in message


def test_a_database_file_that_cannot_be_made_is_refused() -> None:
    address = at_url("sqlite:////proc/none/x.db")
    assert "cannot be opened: No such file or directory" in refusal(address)
    with pytest.raises(StorageError, match="unable to open database file"):
        create_study(address, parse_objectives(["accuracy"]))


def test_a_study_in_sqlite_is_searched_and_resumed(small: Problem, tmp_path: Path) -> None:
    address = at_url(f"sqlite:///{tmp_path / 'studies.db'}")
    search(new_engine(small, address), 5)
    resumed = open_engine(small, address)
    search(resumed, 8)

    assert len({one.arch.id for one in resumed.ledger.evaluations.values()}) == 8
    assert load_evaluations(small, address) == tuple(resumed.ledger.evaluations.values())


def test_two_searches_share_a_storage_but_not_a_study(small: Problem, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    create_study(StorageAddress(study="one", url=url), small.objectives)
    create_study(StorageAddress(study="two", url=url), small.objectives)

    with pytest.raises(StorageError, match="holds a study named 'two' already"):
        create_study(StorageAddress(study="two", url=url), small.objectives)


def test_a_study_that_was_never_made_is_not_made_by_opening(
    small: Problem, tmp_path: Path
) -> None:
    address = at_url(f"sqlite:///{tmp_path / 'studies.db'}")
    with pytest.raises(StorageError, match="cannot be opened: No such file"):
        open_engine(small, address)
    with pytest.raises(StorageError, match="cannot be opened: No such file"):
        load_evaluations(small, address)


def test_a_missing_journal_is_said_and_not_made_by_reading(small: Problem, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"study\.journal: .* cannot be read: No such file"):
        load_evaluations(small, journal_in(tmp_path))

    assert list(tmp_path.iterdir()) == []


def test_a_journal_with_a_damaged_middle_is_refused(small: Problem, tmp_path: Path) -> None:
    address = journal_in(tmp_path)
    search(new_engine(small, address), 2)
    assert address.journal is not None
    lines = address.journal.read_bytes().splitlines(keepends=True)
    address.journal.write_bytes(b"".join([*lines[:5], b"\0\0\0\n", *lines[5:]]))

    for attempt in (open_engine, load_evaluations):
        with pytest.raises(StorageError, match="the study's journal cannot be read"):
            attempt(small, address)  # type: ignore[operator]


def test_reading_while_another_writes_half_an_entry(small: Problem, tmp_path: Path) -> None:
    address = journal_in(tmp_path)
    search(new_engine(small, address), 2)
    assert address.journal is not None
    with address.journal.open("ab") as file:
        file.write(b'{"op_code": 4, "worker')

    assert len(load_evaluations(small, address)) == 2
    assert address.journal.read_bytes().endswith(b'"worker')


def test_a_full_disk_is_a_plain_error_and_what_was_written_stays(
    small: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = journal_in(tmp_path)
    engine = new_engine(small, address)
    finished = search(engine, 3)
    plain = Journal.append

    def half(self: Journal, lines: list[str]) -> None:
        with self._path.open("ab") as file:
            file.write(b'{"op_code":4,"work')
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Journal, "append", half)
    with pytest.raises(StorageError, match=r"No space left on device; .* `nas resume` goes on"):
        engine.propose()
    monkeypatch.setattr(Journal, "append", plain)

    resumed = open_engine(small, address)
    assert list(resumed.ledger.evaluations.values()) == finished
    search(resumed, 6)
    assert len(load_evaluations(small, address)) == 6


def test_a_connection_lost_in_the_middle_is_a_plain_error(
    small: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["nas.search._patient"], "PATIENCE_S", 0.5)
    address = at_url(f"sqlite:///{tmp_path / 'studies.db'}")
    engine = new_engine(small, address)
    search(engine, 2)

    def lose(*args: object, **kwargs: object) -> None:
        raise OperationalError("select", {}, Exception("server closed the connection"))

    monkeypatch.setattr(optuna.storages.RDBStorage, "_create_new_trial", lose)
    with pytest.raises(OutageError, match=r"has been away for .* server closed the connection"):
        engine.propose()


def test_a_journal_is_read_again_where_it_may_have_changed(
    small: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    update = JournalReader.update
    monkeypatch.setattr(
        JournalReader, "update", lambda reader: (reads.append(1), update(reader))[1]
    )
    address = journal_in(tmp_path)
    assert address.journal is not None
    search(new_engine(small, address), 2)

    def seen(at_s: float) -> int:
        """Trials, of a file that says it was written at `at_s`."""
        os.utime(tmp_path / "study.journal", (at_s, at_s))
        return len(load_evaluations(small, address))

    long_ago, now_s = time.time() - 60, time.time() + 60
    reads.clear()
    assert [seen(at_s) for at_s in (long_ago, long_ago, now_s, now_s, long_ago)] == [2] * 5
    assert len(reads) == 4, "the first, those of a file just written, and after them"
    search(open_engine(small, address), 3)
    assert len(load_evaluations(small, address)) == 3
    assert seen(long_ago) == 3
