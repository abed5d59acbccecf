"""Journals with lines that cannot be read, or that are gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

from nas.errors import StorageError
from nas.metrics import parse_objectives
from nas.search import StorageAddress, create_study, repair_study
from nas.search._fields import distributions
from nas.search._journal_store import JournalReader
from nas.search._repair import first_fault
from nas.search._storage import journal_errors
from tests.search.small import make_space

if TYPE_CHECKING:
    from pathlib import Path

NUM_TRIALS = 4
SPACE = make_space()


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study of four trials, each with one parameter and one attribute."""
    monkeypatch.setattr("os.fsync", lambda file: None)
    address = StorageAddress(study="run", journal=tmp_path / "study.journal")
    create_study(address, parse_objectives(["accuracy"]))
    backend = JournalFileBackend(str(address.journal))
    study = optuna.load_study(study_name="run", storage=optuna.storages.JournalStorage(backend))
    for number in range(NUM_TRIALS):
        trial = study.ask(distributions(SPACE))
        trial.set_user_attr("number", number)
        study.tell(trial, 0.5)
    assert address.journal is not None
    return address.journal


def attributes(journal: Path) -> list[object]:
    """As our reader has them; Optuna's must agree."""
    with journal_errors(journal):
        reader = JournalReader(journal, SPACE)
        reader.update()
    found = [trial.attributes.get("number") for trial in reader.trials]
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    trials = optuna.load_study(study_name="run", storage=storage).get_trials()
    assert [trial.user_attrs.get("number") for trial in trials] == found
    return list(found)


def opening_lines(journal: Path) -> list[int]:
    lines = journal.read_text().splitlines()
    return [place for place, line in enumerate(lines) if json.loads(line)["op_code"] == 4]


def test_a_journal_that_can_be_read_is_left_alone(journal: Path) -> None:
    before = journal.read_bytes()

    assert repair_study(journal) == ((), None)
    assert first_fault(journal) is None
    assert journal.read_bytes() == before


@pytest.mark.parametrize(
    "garbage", ["\0\0\n", "[1, 2]\n", "{}\n", '{"op_code": 99, "worker_id": 1}\n']
)
def test_a_line_that_says_nothing_is_named_and_dropped(journal: Path, garbage: str) -> None:
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join([*lines[:3], garbage, *lines[3:]]))

    with pytest.raises(StorageError, match=r"line 4: .*nas repair"):
        attributes(journal)
    dropped, backup = repair_study(journal)
    assert len(dropped) == 1
    assert dropped[0].startswith("line 4: ")
    assert backup is not None
    assert attributes(journal) == [0, 1, 2, 3]


def test_where_the_line_that_opened_a_trial_is_gone_the_others_stay_theirs(journal: Path) -> None:
    lines = journal.read_text().splitlines(keepends=True)
    place = opening_lines(journal)[1]
    journal.write_text("".join([*lines[:place], "garbage\n", *lines[place + 1 :]]))

    repair_study(journal)
    assert attributes(journal) == [0, 1, 2, 3]


def test_the_journal_as_it_was_is_kept(journal: Path) -> None:
    journal.write_text("garbage\n" + journal.read_text())
    before = journal.read_bytes()
    _, first = repair_study(journal)
    journal.write_text("more garbage\n" + journal.read_text())
    _, second = repair_study(journal)

    assert first is not None
    assert second is not None
    assert first != second
    assert (journal.parent / first).read_bytes() == before


def test_a_journal_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be repaired: No such file"):
        repair_study(tmp_path / "study.journal")
