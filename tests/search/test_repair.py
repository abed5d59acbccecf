"""Journals with lines that cannot be read, or that are gone."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

from nas.errors import StorageError
from nas.search import (
    Problem,
    SearchEngine,
    StorageAddress,
    create_study,
    load_evaluations,
    load_trials,
    open_store,
    repair_study,
)
from tests.run.damage import damaged
from tests.search.small import all_genomes, journal_in, pretend, pretend_result

if TYPE_CHECKING:
    from pathlib import Path

    from nas.search import Proposal
    from nas.trial import Evaluation

BUDGET = 12
WORKERS = 4
CREATE_TRIAL, SET_STATE = 4, 6
STEM = "stem.conv.channels"


def engine_of(problem: Problem, address: StorageAddress, *, rungs: int = 1) -> SearchEngine:
    start = next(one for one in all_genomes(problem.space) if not problem.candidate(one).reason)
    store = open_store(problem, address)
    ladder = {"num_rungs": rungs, "reference": (0.0, 9.0, 9.0)}
    return SearchEngine(problem, store, sampler="random", seed=0, start=start, **ladder)  # type: ignore[arg-type]


def search_with_workers(engine: SearchEngine, budget: int) -> None:
    """As a search with several workers writes: results come in another order than proposals."""
    rng = random.Random(0)
    busy: list[Proposal] = []
    while True:
        while len(busy) < WORKERS and engine.ledger.num_begun < budget:
            proposal = engine.propose()
            assert proposal is not None
            busy.append(proposal)
        while len(busy) < WORKERS and (begun := engine.propose_begun()) is not None:
            busy.append(begun)
        if not busy:
            break
        done = busy.pop(rng.randrange(len(busy)))
        engine.record(pretend_result(done.number, done.candidate.arch))
    engine.finish()


def search_in_place(problem: Problem, folder: Path, *, rungs: int = 1) -> StorageAddress:
    address = journal_in(folder)
    create_study(address, problem.objectives)
    search_with_workers(engine_of(problem, address, rungs=rungs), BUDGET)
    return address


@pytest.fixture
def searched(small: Problem, tmp_path: Path) -> StorageAddress:
    """The study of a search that is over."""
    return search_in_place(small, tmp_path)


def lines_of(address: StorageAddress) -> list[bytes]:
    assert address.journal is not None
    return address.journal.read_bytes().splitlines(keepends=True)


def write(address: StorageAddress, lines: list[bytes]) -> None:
    assert address.journal is not None
    address.journal.write_bytes(b"".join(lines))


def places(address: StorageAddress, kind: str) -> list[int]:
    """Of the lines that open trials, record how they ended, or end them."""
    entries = [json.loads(line) for line in lines_of(address)]
    is_one = {
        "create": lambda entry: entry["op_code"] == CREATE_TRIAL,
        "record": lambda entry: "nas" in entry.get("user_attr", ()),
        "end": lambda entry: entry["op_code"] == SET_STATE,
    }[kind]
    return [place for place, entry in enumerate(entries) if is_one(entry)]


def damage(address: StorageAddress, place: int, how: str) -> int:
    """One line is gone, or says nothing; returns the trial that it was about."""
    lines = lines_of(address)
    entry = json.loads(lines[place])
    if how == "deleted":
        del lines[place]
    else:
        lines[place] = lines[place][: len(lines[place]) // 2] + b"\n"
    opened_before = sum(one < place for one in places(address, "create"))
    write(address, lines)
    return int(entry.get("trial_id", opened_before))


def read_by_optuna(address: StorageAddress) -> list[optuna.trial.FrozenTrial]:
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(address.journal)))
    return optuna.load_study(study_name=address.study, storage=storage).get_trials()


def by_number(evaluations: tuple[Evaluation, ...]) -> dict[int, Evaluation]:
    return {one.number: one for one in evaluations}


def check_sound(problem: Problem, address: StorageAddress) -> None:
    """Whatever is there was measured of the network it is said of; Optuna reads it too."""
    settled, paused = load_trials(problem, address)
    for one in (*settled, *paused):
        assert all(scores == pretend(one.arch) for scores in one.rungs)
        if one.scores is not None:
            assert one.scores == pretend(one.arch)
    trials = read_by_optuna(address)
    assert [trial.number for trial in trials] == list(range(len(trials)))


def check_goes_on(problem: Problem, address: StorageAddress, *, rungs: int = 1) -> None:
    engine = engine_of(problem, address, rungs=rungs)
    search_with_workers(engine, BUDGET + 3)
    done = [one for one in engine.ledger.evaluations.values() if one.state == "complete"]
    assert len({one.arch.id for one in done}) == len(done)
    assert engine.ledger.num_finished == BUDGET + 3
    assert {one.number for one in load_evaluations(problem, address)} == set(
        range(engine.ledger.num_trials)
    )
    check_sound(problem, address)
    assert all(trial.state.is_finished() for trial in read_by_optuna(address))


def refusal(problem: Problem, address: StorageAddress) -> str:
    messages = set()
    for attempt in (load_evaluations, engine_of):
        with pytest.raises(StorageError, match=r"cannot be read: .*nas repair") as refused:
            attempt(problem, address)  # type: ignore[operator]
        messages.add(str(refused.value))
    [message] = messages
    return message


def test_a_journal_that_can_be_read_is_left_alone(
    small: Problem, searched: StorageAddress
) -> None:
    before = lines_of(searched)

    assert repair_study(small, searched) == ((), None)
    assert lines_of(searched) == before


def test_the_workers_results_are_interleaved(searched: StorageAddress) -> None:
    entries = [json.loads(lines_of(searched)[place]) for place in places(searched, "record")]
    numbers = [entry["trial_id"] for entry in entries]
    assert numbers != sorted(numbers)


@pytest.mark.parametrize("how", ["deleted", "garbled"])
@pytest.mark.parametrize("place", [0, BUDGET // 2, -1])
@pytest.mark.parametrize("kind", ["create", "record"])
def test_a_lost_line_costs_its_own_trial_alone(
    small: Problem, searched: StorageAddress, kind: str, place: int, how: str
) -> None:
    before = by_number(load_evaluations(small, searched))
    line = places(searched, kind)[place]
    lost = damage(searched, line, how)

    assert "line " in refusal(small, searched)
    changes, backup = repair_study(small, searched)
    assert changes
    assert backup is not None
    after = by_number(load_evaluations(small, searched))
    del before[lost]
    assert after == before
    check_sound(small, searched)
    assert repair_study(small, searched) == ((), None)
    check_goes_on(small, searched)


@pytest.mark.parametrize("how", ["deleted", "garbled"])
@pytest.mark.parametrize("place", [0, BUDGET // 2, -1])
def test_a_lost_end_is_written_again(
    small: Problem, searched: StorageAddress, place: int, how: str
) -> None:
    before = load_evaluations(small, searched)
    damage(searched, places(searched, "end")[place], how)
    repair_study(small, searched)

    assert load_evaluations(small, searched) == before
    check_goes_on(small, searched)


@pytest.mark.parametrize("how", ["deleted", "garbled"])
def test_the_line_that_made_the_study_is_written_anew(
    small: Problem, searched: StorageAddress, how: str
) -> None:
    before = load_evaluations(small, searched)
    damage(searched, 0, how)

    refusal(small, searched)
    repair_study(small, searched)
    assert load_evaluations(small, searched) == before
    check_goes_on(small, searched)


def test_an_empty_journal_becomes_a_study_without_trials(
    small: Problem, searched: StorageAddress
) -> None:
    write(searched, [])

    refusal(small, searched)
    repair_study(small, searched)
    assert load_evaluations(small, searched) == ()
    check_goes_on(small, searched)


def test_several_lost_in_a_row_cost_no_other(small: Problem, searched: StorageAddress) -> None:
    before = by_number(load_evaluations(small, searched))
    lines, creates = lines_of(searched), places(searched, "create")
    lost = (0, 1, 5, 6)
    write(
        searched, [line for at, line in enumerate(lines) if at not in {creates[n] for n in lost}]
    )
    repair_study(small, searched)

    after = by_number(load_evaluations(small, searched))
    assert after == {number: one for number, one in before.items() if number not in lost}
    check_goes_on(small, searched)


@pytest.mark.parametrize(
    "garbage", [b"\0\0\n", b"[1, 2]\n", b"{}\n", b'{"op_code": 99, "worker_id": 1}\n']
)
def test_a_line_that_says_nothing_is_named_and_dropped(
    small: Problem, searched: StorageAddress, garbage: bytes
) -> None:
    before, lines = load_evaluations(small, searched), lines_of(searched)
    write(searched, [*lines[:3], garbage, *lines[3:]])

    assert "line 4: is no entry of a journal" in refusal(small, searched)
    [dropped], _ = repair_study(small, searched)
    assert dropped.startswith("line 4: ")
    assert load_evaluations(small, searched) == before


@pytest.mark.parametrize("kind", ["create", "record", "end"])
def test_a_line_that_is_there_twice_changes_nothing(
    small: Problem, searched: StorageAddress, kind: str
) -> None:
    before, lines = load_evaluations(small, searched), lines_of(searched)
    place = places(searched, kind)[5]
    write(searched, [*lines[: place + 1], *lines[place:]])
    repair_study(small, searched)

    assert load_evaluations(small, searched) == before
    check_goes_on(small, searched)


def changed(line: bytes, change: dict[str, Any]) -> bytes:
    """A line with other values, of its attributes where a key is so called."""
    entry = json.loads(line)
    for name, value in change.items():
        inner = entry.get("user_attr", entry.get("user_attrs", {})).get(name)
        if isinstance(inner, dict):
            inner.update(value)
        else:
            entry[name] = value
    return json.dumps(entry).encode() + b"\n"


@pytest.mark.parametrize("number", [3, 7, 40_000_000, -1])
def test_a_damaged_number_costs_its_own_trial_alone(
    small: Problem, searched: StorageAddress, number: int
) -> None:
    before, lines = by_number(load_evaluations(small, searched)), lines_of(searched)
    place = places(searched, "create")[5]
    lines[place] = changed(lines[place], {"nas.opened": {"number": number}})
    write(searched, lines)

    assert f"opens trial {number}" in refusal(small, searched)
    repair_study(small, searched)
    del before[5]
    assert by_number(load_evaluations(small, searched)) == before
    check_goes_on(small, searched)


def test_settings_that_are_not_those_of_the_record_are_said(
    small: Problem, searched: StorageAddress
) -> None:
    before, lines = by_number(load_evaluations(small, searched)), lines_of(searched)
    place = places(searched, "create")[5]
    params = json.loads(lines[place])["params"]
    params[STEM] = 1 - params[STEM]
    lines[place] = changed(lines[place], {"params": params})
    write(searched, lines)

    assert f"the record of trial 5 is of network {before[5].arch.id}" in refusal(small, searched)
    repair_study(small, searched)
    del before[5]
    assert by_number(load_evaluations(small, searched)) == before
    check_goes_on(small, searched)


def test_settings_of_another_space_are_dropped(small: Problem, searched: StorageAddress) -> None:
    before, lines = by_number(load_evaluations(small, searched)), lines_of(searched)
    place = places(searched, "create")[5]
    lines[place] = lines[place].replace(STEM.encode(), b"other")
    write(searched, lines)

    assert f"line {place + 1}: " in refusal(small, searched)
    repair_study(small, searched)
    del before[5]
    assert by_number(load_evaluations(small, searched)) == before


def without_numbers(line: bytes) -> bytes:
    entry = json.loads(line)
    entry.get("user_attrs", {}).get("nas.opened", {}).pop("number", None)
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize("how", ["deleted", "garbled"])
@pytest.mark.parametrize("place", [0, BUDGET // 2, -1])
def test_without_numbers_nothing_is_said_of_a_neighbour(
    small: Problem, tmp_path: Path, place: int, how: str
) -> None:
    """Journals had none at first: what cannot be told apart is trained again."""
    address = search_in_place(small, tmp_path, rungs=2)
    write(address, [without_numbers(line) for line in lines_of(address)])
    check_sound(small, address)
    damage(address, places(address, "create")[place], how)

    refusal(small, address)
    repair_study(small, address)
    check_sound(small, address)
    check_goes_on(small, address, rungs=2)


def test_the_journal_as_it_was_is_kept(small: Problem, searched: StorageAddress) -> None:
    write(searched, [b"garbage\n", *lines_of(searched)])
    before = lines_of(searched)
    _, first = repair_study(small, searched)
    write(searched, [b"more garbage\n", *lines_of(searched)])
    _, second = repair_study(small, searched)

    assert first is not None
    assert second is not None
    assert first != second
    assert searched.journal is not None
    assert (searched.journal.parent / first).read_bytes() == b"".join(before)


def test_a_journal_that_is_not_there_is_said(small: Problem, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be repaired: No such file"):
        repair_study(small, journal_in(tmp_path))


def fuzz(problem: Problem, address: StorageAddress, seeds: range) -> None:
    """Whatever becomes of a journal: read or refused, then repaired, read, and gone on with."""
    whole = lines_of(address)
    for seed in seeds:
        rng = random.Random(seed)
        assert address.journal is not None
        address.journal.write_bytes(damaged(address.journal, b"".join(whole), rng))
        try:
            with suppress(StorageError):
                load_evaluations(problem, address)
            with suppress(StorageError):
                engine_of(problem, address, rungs=2)
            repair_study(problem, address)
            load_evaluations(problem, address)
            search_with_workers(engine_of(problem, address, rungs=2), BUDGET + 1)
            assert read_by_optuna(address)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error


def test_a_dozen_damaged_journals(small: Problem, tmp_path: Path) -> None:
    fuzz(small, search_in_place(small, tmp_path, rungs=2), range(110, 122))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(1000, 6_000, 1_000))
def test_five_thousand_damaged_journals(small: Problem, tmp_path: Path, first: int) -> None:
    fuzz(small, search_in_place(small, tmp_path, rungs=2), range(first, first + 1_000))
