"""A database that goes away for a while: every question and answer is tried again.

A server that restarts, or lets nobody write after a failover, a file that somebody else holds: a
search waits them out with what it has in hand. A study is still only what its storage says;
nothing is kept back here.
"""

from __future__ import annotations

import time
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from nas.errors import OutageError
from nas.search._connection import is_read_only
from nas.search._secrets import hide_passwords

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna.storages import BaseStorage

    from nas.search._database_lock import DatabaseLock

Backend = TypeVar("Backend", "BaseStorage", "DatabaseLock")

PATIENCE_S = 300.0
"""How long a database may be away."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0


class PatientBackend:
    """An Optuna storage whose methods are repeated, with growing pauses, while it is away.

    `note` hears of it, for a log. Raises OutageError after `patience_s`, or PATIENCE_S.
    """

    def __init__(
        self,
        backend: BaseStorage | DatabaseLock,
        url: str,
        *,
        note: Callable[[str], None],
        patience_s: float | None = None,
    ) -> None:
        self._backend = backend
        self._url = url
        self._note = note
        self._patience_s = PATIENCE_S if patience_s is None else patience_s

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._backend, name)
        return self._patient(found) if callable(found) else found

    def _patient(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            began_s, pause_s = time.monotonic(), FIRST_PAUSE_S
            failures = 0
            while True:
                try:
                    result = method(*args, **kwargs)
                except UpdateFinishedTrialError:
                    if not failures:
                        raise
                    result = True  # it was written; only the answer was lost
                except Exception as error:
                    if not is_away(error):
                        raise
                    failures += 1
                    self._wait(error, began_s, pause_s, first=failures == 1)
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                    continue
                if failures:
                    self._note(f"the database answers again after {failures} failed tries")
                return result

        return call

    def _wait(self, error: Exception, began_s: float, pause_s: float, *, first: bool) -> None:
        waited_s = time.monotonic() - began_s
        if waited_s + pause_s > self._patience_s:
            raise OutageError(
                f"the study's database has been away for {waited_s:.0f} s: {self._reason(error)}"
            ) from error
        if first:
            self._note(
                f"the database is away ({self._reason(error)}); trying again for "
                f"{self._patience_s:g} s"
            )
        time.sleep(pause_s)

    def _reason(self, error: Exception) -> str:
        """The driver's own words, in one line and without passwords."""
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        original = str(getattr(cause, "orig", None) or cause)
        return hide_passwords(original.strip().partition("\n")[0], self._url)


def patient(backend: Backend, url: str, note: Callable[[str], None]) -> Backend:
    """The same storage or lock, waited for."""
    return cast("Backend", PatientBackend(backend, url, note=note))


def is_away(error: BaseException | None) -> bool:
    """Whether a storage failed for its server, the connection or a lock, not for the question."""
    if isinstance(error, StorageInternalError):
        return is_away(error.__cause__)
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError):
        return "disk is full" not in str(error) and "readonly" not in str(error)
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or is_read_only(error.orig)
