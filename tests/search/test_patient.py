"""A database that goes away for a while, in made-up time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from sqlalchemy.exc import IntegrityError, OperationalError

from nas.errors import OutageError
from nas.search import _patient
from nas.search._patient import PatientBackend

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "postgresql://ann:secret@db/nas"


def refused() -> OperationalError:
    return OperationalError("INSERT", {}, Exception("connection refused for ann:secret\nat db"))


class Database:
    """Raises what it is told to, one error a call, and then answers."""

    study = "small"

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def write(self, value: int) -> int:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return value


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses, by which the clock is moved."""
    pauses: list[float] = []
    clock = SimpleNamespace(sleep=pauses.append, monotonic=lambda: sum(pauses))
    monkeypatch.setattr(_patient, "time", clock)
    return pauses


@pytest.fixture
def patient() -> Callable[..., Any]:
    def make(database: Database, notes: list[str]) -> Any:
        return PatientBackend(database, URL, note=notes.append)  # type: ignore[arg-type]

    return make


def wrapped(error: Exception) -> StorageInternalError:
    """As Optuna passes on what happens in a commit."""
    outer = StorageInternalError("An exception is raised during the commit.")
    outer.__cause__ = error
    return outer


def test_a_restart_is_waited_out_with_growing_pauses(
    slept: list[float], patient: Callable[..., Any]
) -> None:
    notes: list[str] = []
    database = Database(refused(), wrapped(refused()), refused())
    assert patient(database, notes).write(7) == 7
    assert (database.calls, slept) == (4, [0.5, 1.0, 2.0])
    assert notes == [
        "the database is away (connection refused for ann:***); trying again for 300 s",
        "the database answers again after 3 failed tries",
    ]


def test_after_five_minutes_it_is_an_outage(
    slept: list[float], patient: Callable[..., Any]
) -> None:
    database = Database(*(refused() for _ in range(1000)))
    with pytest.raises(OutageError, match=r"away for \d+ s: connection refused") as caught:
        patient(database, []).write(7)
    assert 270 < sum(slept) <= 300
    assert "secret" not in str(caught.value)


def test_what_was_asked_wrongly_is_not_asked_again(
    slept: list[float], patient: Callable[..., Any]
) -> None:
    for error in (
        IntegrityError("INSERT", {}, Exception("duplicate key")),
        UpdateFinishedTrialError("trial 3 is finished"),
        OperationalError("INSERT", {}, Exception("database or disk is full")),
    ):
        database = Database(error)
        with pytest.raises(type(error)):
            patient(database, []).write(7)
        assert database.calls == 1
    assert slept == []


def test_a_write_whose_answer_was_lost_counts_as_written(
    slept: list[float], patient: Callable[..., Any]
) -> None:
    database = Database(refused(), UpdateFinishedTrialError("trial 3 is finished"))
    assert patient(database, []).write(7) is True


def test_what_is_no_method_is_handed_on(patient: Callable[..., Any]) -> None:
    assert patient(Database(), []).study == "small"
