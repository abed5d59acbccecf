"""Where a study is kept: a journal file in the run folder, or any Optuna storage URL."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import optuna
from sqlalchemy.exc import SQLAlchemyError

from nas.errors import StorageError
from nas.search._journal import BatchedJournal, repair_journal

if TYPE_CHECKING:
    from pathlib import Path

CONNECT_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageAddress:
    """The study's name, and the file or URL that holds it; exactly one of the two is given."""

    study: str
    journal: Path | None = None
    url: str | None = None

    def __str__(self) -> str:
        """The file or URL."""
        return str(self.journal) if self.journal else str(self.url)


@dataclass(frozen=True, slots=True)
class Storage:
    """An open storage."""

    backend: optuna.storages.BaseStorage
    journal: BatchedJournal | None

    def batch(self) -> AbstractContextManager[None]:
        """Gather writes, where the storage can."""
        return self.journal.batch() if self.journal else nullcontext()


def open_storage(address: StorageAddress, *, writer: bool) -> Storage:
    """Open a storage; `writer` must be the only one of a journal. Raises StorageError."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if address.journal is not None:
        try:
            if writer:
                repair_journal(address.journal)
            journal = BatchedJournal(address.journal)
            return Storage(optuna.storages.JournalStorage(journal), journal)
        except (OSError, ValueError, KeyError) as error:
            raise StorageError(
                f"{address.journal}: the journal cannot be read: {error}"
            ) from error
    assert address.url is not None
    try:
        return Storage(_open_url(address.url), None)
    except (SQLAlchemyError, ImportError, ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise StorageError(
            f"--storage {address.url}: cannot be opened: {reason}; check address, driver and "
            "password, or leave --storage out to keep the study in the run folder"
        ) from error


def _open_url(url: str) -> optuna.storages.BaseStorage:
    # PostgreSQL and MySQL drivers wait for minutes on an address nobody answers.
    remote = url.startswith(("postgresql", "mysql"))
    engine_kwargs = {"connect_args": {"connect_timeout": CONNECT_TIMEOUT_S}} if remote else {}
    return optuna.storages.RDBStorage(url, engine_kwargs=engine_kwargs)
