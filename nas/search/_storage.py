"""Where a study is kept: a journal file in the run folder, or any Optuna storage URL."""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
from optuna.exceptions import StorageInternalError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from nas.errors import StorageError
from nas.search._connection import engine_options, leave_read_only_servers
from nas.search._secrets import PASSWORD_VARIABLE, hide_passwords
from nas.search._store import DamagedStudy
from nas.units import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

BROKEN = (SQLAlchemyError, StorageInternalError, OSError)
"""What a storage raises that has stopped working."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageAddress:
    """The study's name, and the file or URL that holds it; exactly one of the two is given."""

    study: str
    journal: Path | None = None
    url: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """The file or URL, without the password."""
        return str(self.journal) if self.journal else f"`storage` {hide_passwords(self.url or '')}"


def open_database(address: StorageAddress, *, create: bool = False) -> optuna.storages.BaseStorage:
    """Open the storage at the address' URL; `create` may make its file. Raises StorageError."""
    assert address.url is not None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        return _open_url(address.url, create=create)
    except ImportError as error:
        raise StorageError(
            f"{address}: the database's driver is not installed ({error.__cause__ or error}); "
            "install it beside nas with pip, or leave `storage` out to keep the study in the run "
            "folder"
        ) from error
    except (*BROKEN, ValueError, TypeError) as error:
        reason = hide_passwords(_reason(error), address.url)
        raise StorageError(
            f"{address}: cannot be opened: {reason}; {_advice(address, create)}"
        ) from None


def _advice(address: StorageAddress, create: bool) -> str:
    is_file = (address.url or "").startswith("sqlite")
    password = f" and password (it may stand in {PASSWORD_VARIABLE})"
    if not create:
        where = "put the file back" if is_file else f"check address, driver{password}"
        return f"{where}, or say with `storage` where the study is now"
    check = "check the path" if is_file else f"check address, driver{password}"
    return f"{check}, or leave `storage` out to keep the study in the run folder"


@contextmanager
def study_errors(address: StorageAddress) -> Iterator[None]:
    """Turn what a broken storage raises, or one that holds nonsense, into a StorageError."""
    try:
        yield
    except BROKEN as error:
        raise StorageError(
            f"{address}: the study cannot be reached: "
            f"{hide_passwords(_reason(error), address.url)}; mend that (free "
            "space, connection), and `nas resume` goes on from the last trial written"
        ) from error
    except DamagedStudy as error:
        raise _unreadable(address, str(error)) from error


@contextmanager
def reading_errors(address: StorageAddress) -> Iterator[None]:
    """Turn what a missing or damaged journal raises into a StorageError."""
    try:
        yield
    except (OSError, DamagedStudy) as error:
        reason = str(error) if isinstance(error, DamagedStudy) else _reason(error)
        raise _unreadable(address, reason) from error


def _unreadable(address: StorageAddress, reason: str) -> StorageError:
    if address.journal is None:
        return StorageError(
            f"{address}: the study cannot be read: {reason}; restore the database, or start a new "
            "search"
        )
    return StorageError(
        f"{address}: the study's journal cannot be read: {reason}; restore the file, or keep what "
        f"is readable: `nas repair {quoted(address.journal.parent)}`"
    )


def no_study(address: StorageAddress) -> StorageError:
    """The error where a storage lacks the study."""
    if address.journal is not None:
        return _unreadable(address, f"it holds no study named '{address.study}'")
    return StorageError(
        f"{address}: holds no study named '{address.study}'; restore it, or start a new search"
    )


def _open_url(url: str, *, create: bool) -> optuna.storages.BaseStorage:
    parsed = make_url(url)
    # SQLite would make an empty file of a study that is somewhere else.
    if parsed.get_backend_name() == "sqlite" and parsed.database and not create:
        Path(parsed.database).stat()
    storage = optuna.storages.RDBStorage(url, engine_kwargs=engine_options(url))
    leave_read_only_servers(storage.engine)
    # Connections are kept for the next question, and closed with the storage.
    weakref.finalize(storage, storage.engine.dispose)
    return storage


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    cause = error.__cause__ if isinstance(error, StorageInternalError) else None
    return str(cause or error).partition("\n")[0]
