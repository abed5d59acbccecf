"""The journal is Optuna's own to read, is written in batches, and survives a kill anywhere."""

from __future__ import annotations

import errno
import json
import random
import resource
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from nas.errors import StorageError
from nas.search import (
    Problem,
    SearchEngine,
    create_study,
    open_store,
    repair_study,
)
from nas.search._fields import distributions
from nas.search._journal import Journal, repair_journal
from nas.search._outcomes import values_of
from nas.space import load_space
from tests.search.small import journal_in, new_engine, open_engine, search

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nas.search import StorageAddress


def read_plainly(path: Path) -> list[optuna.trial.FrozenTrial]:
    """The trials as optuna-dashboard reads them: Optuna's own storage on the file."""
    storage = JournalStorage(JournalFileBackend(str(path)))
    [study] = storage.get_all_studies()
    return storage.get_all_trials(study._study_id)


def lines_of(address: StorageAddress) -> list[dict[str, Any]]:
    assert address.journal is not None
    return [json.loads(line) for line in address.journal.read_text().splitlines()]


def test_optuna_reads_what_was_chosen_and_measured(
    small: Problem, address: StorageAddress
) -> None:
    engine = new_engine(small, address)
    done = search(engine, 6)
    assert address.journal is not None
    for evaluation, trial in zip(done, read_plainly(address.journal), strict=True):
        space = small.space
        active = {space.genes[gene].name for gene in space.active_genes(evaluation.genome)}
        labels = space.labels(evaluation.genome)
        assert trial.params == {name: labels[name] for name in active}
        assert set(trial.distributions) == active
        assert trial.state == optuna.trial.TrialState.COMPLETE
        assert trial.values == list(values_of(small.objectives, evaluation) or ())
        assert trial.datetime_complete is not None
        assert trial.duration is not None


def test_what_optuna_wrote_is_read(small: Problem, address: StorageAddress) -> None:
    """Whole trials of Optuna's: a journal in which it sampled the settings one by one."""
    create_study(address, small.objectives)
    study = optuna.load_study(
        study_name="small", storage=JournalStorage(JournalFileBackend(str(address.journal)))
    )
    study.sampler = optuna.samplers.RandomSampler(seed=1)
    asked = [study.ask(distributions(small.space)) for _ in range(5)]
    engine = open_engine(small, address)

    trials = engine.store.read()
    assert [trial.genome for trial in trials] == [small.space.genome(one.params) for one in asked]
    assert engine.ledger.num_trials == 5


def test_a_batch_is_one_append(
    small: Problem, address: StorageAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = new_engine(small, address)
    appended: list[int] = []
    plain = Journal.append

    def append(self: Journal, lines: list[str]) -> None:
        appended.append(len(lines))
        plain(self, lines)

    monkeypatch.setattr(Journal, "append", append)
    with engine.store.batch():
        search(engine, 3)
        assert appended == []
    # Opened, outcome, end: three entries a trial.
    assert appended == [9]
    with engine.store.batch():
        pass
    assert appended == [9]
    assert open_engine(small, address).ledger.evaluations == engine.ledger.evaluations


def test_an_error_in_a_batch_loses_nothing_decided_before_it(
    small: Problem, address: StorageAddress
) -> None:
    engine = new_engine(small, address)
    with pytest.raises(ZeroDivisionError), engine.store.batch():
        search(engine, 2)
        raise ZeroDivisionError
    search(engine, 3)

    assert open_engine(small, address).ledger.evaluations == engine.ledger.evaluations


def test_a_disk_that_is_full_leaves_no_half_line(
    small: Problem, address: StorageAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = new_engine(small, address)
    search(engine, 2)
    assert address.journal is not None
    before = address.journal.read_bytes()

    def refuse(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", refuse)
        with pytest.raises(StorageError, match="No space left on device"):
            engine.propose()

    assert address.journal.read_bytes() == before


@contextmanager
def little_room(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_a_full_disk_took_of_a_batch_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    path.touch()
    journal = Journal(path)
    journal.append(["first"])
    with little_room(5000), pytest.raises(OSError, match="File too large"):
        journal.append(["x" * 3000, "y" * 3000])

    assert path.read_bytes() == b"first\n"


def test_a_repair_without_room_for_it_changes_nothing(
    small: Problem, address: StorageAddress
) -> None:
    search(new_engine(small, address), 3)
    assert address.journal is not None
    address.journal.write_bytes(b"garbage\n" + address.journal.read_bytes())
    before = address.journal.read_bytes()
    with little_room(100), pytest.raises(StorageError, match="cannot be repaired"):
        repair_study(small, address)

    assert address.journal.read_bytes() == before
    assert list(address.journal.parent.iterdir()) == [address.journal]


def test_a_trial_is_small(small: Problem, address: StorageAddress) -> None:
    """Ten thousand trials of a large space fit into tens of megabytes."""
    problem = Problem(
        space=load_space("lru_vgnet"),
        input_shape=(1, 28, 28),
        num_classes=10,
        objectives=small.objectives,
    )
    start = problem.space.random_genome(random.Random(0))
    create_study(address, problem.objectives)
    store = open_store(problem, address)
    engine = SearchEngine(problem, store, sampler="evolution", seed=0, start=start)
    search(engine, 30)
    assert address.journal is not None

    assert address.journal.stat().st_size / 30 < 6_000


def test_a_damaged_line_is_named(small: Problem, address: StorageAddress) -> None:
    search(new_engine(small, address), 2)
    assert address.journal is not None
    lines = address.journal.read_bytes().splitlines(keepends=True)
    address.journal.write_bytes(b"".join([*lines[:5], b"{}\n", *lines[5:]]))

    with pytest.raises(StorageError, match="line 6: is no entry of a journal"):
        open_engine(small, address)


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


def test_optuna_s_own_lock_and_ours_keep_each_other_out(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    path.touch()
    theirs, ours = JournalFileSymlinkLock(str(path)), Journal(path)
    with ours.lock(), pytest.raises(FileExistsError):
        path.with_name("study.journal.lock").symlink_to(path)  # as theirs does

    held = threading.Event()

    def hold() -> None:
        with ours.lock():
            held.set()

    theirs.acquire()
    waiting = threading.Thread(target=hold)
    waiting.start()
    assert not held.wait(0.05)
    theirs.release()
    waiting.join(60)
    assert held.is_set()


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
    # Every third byte, and each end of a line with its neighbours.
    ends = [
        place
        for place in range(before, len(content) + 1)
        if b"\n" in content[place - 2 : place + 2]
    ]
    for size in sorted({*range(before, len(content), 3), *ends}):
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
