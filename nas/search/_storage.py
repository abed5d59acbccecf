"""Where a study is kept: a journal file in the run folder, or any Optuna storage URL."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import optuna
from optuna.exceptions import StorageInternalError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from nas.errors import StorageError
from nas.search._journal import BatchedJournal, repair_journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONNECT_TIMEOUT_S = 10
PATIENT_DRIVERS = ("postgresql", "mysql")
"""Their usual drivers wait for minutes on an address nobody answers, unless told otherwise."""
BROKEN = (SQLAlchemyError, StorageInternalError, OSError)
"""What a storage raises that has stopped working."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageAddress:
    """The study's name, and the file or URL that holds it; exactly one of the two is given."""

    study: str
    journal: Path | None = None
    url: str | None = None

    def __str__(self) -> str:
        """The file or URL, without the password."""
        return str(self.journal) if self.journal else f"--storage {_without_password(self.url)}"


@dataclass(frozen=True, slots=True)
class Storage:
    """An open storage."""

    address: StorageAddress
    backend: optuna.storages.BaseStorage
    journal: BatchedJournal | None = None

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Gather writes, where the storage can. Raises StorageError where it fails."""
        try:
            if self.journal is None:
                yield
                return
            if self.journal.has_news:
                self.backend.get_all_studies()  # for the reading that every question begins with
            with self.journal.batch():
                yield
        except BROKEN as error:
            raise StorageError(
                f"{self.address}: the study cannot be reached: {_reason(error)}; mend that (free "
                "space, connection), and `nas resume` goes on from the last trial written"
            ) from error


def open_storage(address: StorageAddress, *, writer: bool) -> Storage:
    """Open a storage; `writer` must be the only one of a journal. Raises StorageError."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if address.journal is not None:
        return _open_journal(address, address.journal, writer=writer)
    assert address.url is not None
    try:
        return Storage(address, _open_url(address.url))
    except ImportError as error:
        raise StorageError(
            f"{address}: the database's driver is not installed ({error.__cause__ or error}); "
            "install it beside nas with pip, or leave --storage out to keep the study in the run "
            "folder"
        ) from error
    except (*BROKEN, ValueError, TypeError) as error:
        raise StorageError(
            f"{address}: cannot be opened: {_reason(error)}; check address, driver and "
            "password, or leave --storage out to keep the study in the run folder"
        ) from error


def _open_journal(address: StorageAddress, path: Path, *, writer: bool) -> Storage:
    try:
        if writer:
            repair_journal(path)
        elif not path.exists():
            raise FileNotFoundError("no such file")
        journal = BatchedJournal(path)
        return Storage(address, optuna.storages.JournalStorage(journal), journal)
    except (OSError, ValueError, KeyError) as error:
        raise StorageError(
            f"{path}: the study's journal cannot be read: {_reason(error)}; restore the file, or "
            "start a new search"
        ) from error


def _open_url(url: str) -> optuna.storages.BaseStorage:
    impatient = make_url(url).get_backend_name() in PATIENT_DRIVERS
    engine_kwargs = {"connect_args": {"connect_timeout": CONNECT_TIMEOUT_S}} if impatient else {}
    return optuna.storages.RDBStorage(url, engine_kwargs=engine_kwargs)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    cause = error.__cause__ if isinstance(error, StorageInternalError) else None
    return str(cause or error).partition("\n")[0]


def _without_password(url: str | None) -> str:
    try:
        return make_url(url or "").render_as_string(hide_password=True)
    except SQLAlchemyError:
        return str(url)
