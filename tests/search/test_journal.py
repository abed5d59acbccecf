"""The batched journal is Optuna's own journal, entry for entry, and survives a kill anywhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from nas.search._journal import BatchedJournal, repair_journal
from tests.search.small import journal_in, new_engine, open_engine, search

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from nas.search import Problem, StorageAddress

VOLATILE = ("worker_id", "datetime_start", "datetime_complete")


def entries(path: Path) -> list[dict[str, Any]]:
    """The lines of a journal, less what differs between any two runs."""
    read = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: one[key] for key in one if key not in VOLATILE} for one in read]


def read_plainly(path: Path) -> list[optuna.trial.FrozenTrial]:
    """The trials as optuna-dashboard reads them: Optuna's own storage on the file."""
    storage = JournalStorage(JournalFileBackend(str(path)))
    [study] = storage.get_all_studies()
    return storage.get_all_trials(study._study_id)


def fill(storage: JournalStorage, batch: AbstractContextManager[None] | None = None) -> None:
    """A few trials of every outcome."""
    study = optuna.create_study(
        storage=storage, directions=["maximize", "minimize"], study_name="some"
    )
    study.sampler = optuna.samplers.RandomSampler(seed=1)
    for number in range(4):
        trial = study.ask()
        trial.suggest_categorical("kind", ("lru", "conv", True))
        trial.suggest_int("width", 8, 64)
        trial.suggest_float("ratio", 0.25, 0.75)
        trial.set_user_attr("nas", {"cost": [1, 2.5, None], "state": "complete"})
        if number == 2:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, [0.1 * number, 5.0])


def test_batched_entries_are_those_that_optuna_writes(tmp_path: Path) -> None:
    fill(JournalStorage(JournalFileBackend(str(tmp_path / "optuna"))))
    journal = BatchedJournal(tmp_path / "batched")
    storage = JournalStorage(journal)
    with journal.batch():
        fill(storage)

    assert entries(tmp_path / "batched") == entries(tmp_path / "optuna")


def test_the_writer_sees_in_a_batch_what_a_reader_sees_after_it(tmp_path: Path) -> None:
    journal = BatchedJournal(tmp_path / "journal")
    storage = JournalStorage(journal)
    with journal.batch():
        fill(storage)
        inside = storage.get_all_trials(0)

    assert inside == read_plainly(tmp_path / "journal")


def test_a_batch_is_one_append(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    appended: list[int] = []
    plain = JournalFileBackend.append_logs

    def append(self: JournalFileBackend, logs: list[dict[str, Any]]) -> None:
        appended.append(len(logs))
        plain(self, logs)

    monkeypatch.setattr(JournalFileBackend, "append_logs", append)
    journal = BatchedJournal(tmp_path / "journal")
    storage = JournalStorage(journal)
    with journal.batch():
        fill(storage)

    # One study; for each of 4 trials: begin, 3 parameters, 1 attribute, end.
    assert appended == [1 + 4 * 6]


def test_a_batch_in_a_batch_is_written_with_the_outer_one(tmp_path: Path) -> None:
    journal = BatchedJournal(tmp_path / "journal")
    with journal.batch():
        journal.append_logs([{"number": 0}])
        with journal.batch():
            journal.append_logs([{"number": 1}])
        assert entries(tmp_path / "journal") == []
        journal.append_logs([{"number": 2}])

    assert entries(tmp_path / "journal") == [{"number": number} for number in range(3)]


def test_an_error_in_a_batch_loses_nothing_written_before_it(tmp_path: Path) -> None:
    journal = BatchedJournal(tmp_path / "journal")
    with pytest.raises(ZeroDivisionError), journal.batch():
        journal.append_logs([{"number": 0}])
        raise ZeroDivisionError
    journal.append_logs([{"number": 1}])

    assert entries(tmp_path / "journal") == [{"number": 0}, {"number": 1}]
    assert list(journal.read_logs(1)) == [{"number": 1}]


def test_an_empty_batch_writes_nothing(tmp_path: Path) -> None:
    journal = BatchedJournal(tmp_path / "journal")
    with journal.batch():
        pass

    assert (tmp_path / "journal").read_bytes() == b""


def test_what_others_append_between_two_batches_is_read(
    small: Problem, address: StorageAddress
) -> None:
    engine = new_engine(small, address)
    search(engine, 2)
    assert address.journal is not None
    optuna.load_study(
        study_name="small", storage=JournalStorage(JournalFileBackend(str(address.journal)))
    ).set_user_attr("note", "made in the dashboard")
    search(engine, 4)

    again = open_engine(small, address)
    assert (engine.ledger.num_finished, again.ledger.num_finished) == (4, 4)
    assert len({trial.number for trial in read_plainly(address.journal)}) == 4


def test_repair_leaves_a_sound_journal_alone_and_makes_none(tmp_path: Path) -> None:
    repair_journal(tmp_path / "absent")
    (tmp_path / "sound").write_bytes(b'{"number":0}\n{"number":1}\n')
    repair_journal(tmp_path / "sound")

    assert not (tmp_path / "absent").exists()
    assert (tmp_path / "sound").read_bytes() == b'{"number":0}\n{"number":1}\n'


def test_repair_cuts_half_an_entry_and_removes_the_dead_writers_locks(tmp_path: Path) -> None:
    journal = tmp_path / "study.journal"
    journal.write_bytes(b'{"number":0}\n{"numb')
    (tmp_path / "study.journal.lock").symlink_to(journal)
    (tmp_path / "study.journal.lock0123.rename").symlink_to(journal)
    repair_journal(journal)

    assert journal.read_bytes() == b'{"number":0}\n'
    assert list(tmp_path.iterdir()) == [journal]


def test_a_kill_at_any_byte_of_a_proposal_and_a_record_loses_and_repeats_nothing(
    small: Problem, tmp_path: Path
) -> None:
    address = journal_in(tmp_path)
    engine = new_engine(small, address)
    first, second = search(engine, 2)
    assert address.journal is not None
    before = address.journal.stat().st_size
    [third] = search(engine, 3)
    content = address.journal.read_bytes()
    outcomes = set()
    for size in range(before, len(content) + 1):
        address.journal.write_bytes(content[:size])
        resumed = open_engine(small, address)
        outcomes.add(resumed.ledger.num_finished)
        # Reopening settles what it can: a second look finds the same, and Optuna can read it.
        assert open_engine(small, address).ledger.evaluations == resumed.ledger.evaluations
        assert resumed.ledger.evaluations[0] == first
        assert resumed.ledger.evaluations[1] == second
        proposal = resumed.propose()
        assert proposal is not None
        if resumed.ledger.num_finished == 3:
            assert resumed.ledger.evaluations[2] == third
        assert resumed.ledger.result_of(proposal.candidate.arch.id) is None

    # The third network is finished from its record on, whether or not the trial was closed.
    assert outcomes == {2, 3}


@pytest.mark.parametrize("sampler", ["evolution", "tpe", "nsga2", "random"])
def test_a_search_cut_anywhere_ends_with_the_budget_spent_on_different_networks(
    small: Problem, address: StorageAddress, sampler: str
) -> None:
    search(new_engine(small, address, sampler=sampler), 30)
    assert address.journal is not None
    content = address.journal.read_bytes()
    for size in range(len(content) // 3, len(content), len(content) // 11):
        address.journal.write_bytes(content[:size])
        engine = open_engine(small, address, sampler=sampler)
        search(engine, 35)
        counted = [
            one.arch.id for one in engine.ledger.evaluations.values() if one.state == "complete"
        ]
        assert len(counted) == len(set(counted)) == 35
        trials = read_plainly(address.journal)
        assert [trial.number for trial in trials] == list(range(len(trials)))
        assert all(trial.state.is_finished() for trial in trials)
