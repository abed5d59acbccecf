"""A damaged journal made readable: lines that say nothing, or nothing that fits, are dropped.

What was measured is never said of another network than it was measured of. A trial whose settings
are lost keeps its number, so that all others keep theirs, and nothing else.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna.storages.journal._storage import JournalStorageReplayResult
from optuna.study import StudyDirection

from nas.errors import StorageError
from nas.files import drafted
from nas.search._fields import OPENED, RECORD, Opened, read_opened
from nas.search._journal import read_entry
from nas.search._journal_reader import REPLAY_ERRORS, JournaledStudy, Operation
from nas.search._outcomes import id_of
from nas.search._store import DamagedStudy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nas.search._problem import Problem
    from nas.search._storage import StorageAddress

WORKER = "nas repair"
"""Whose the lines are that are put in."""
MAX_LOST = 10_000
"""So many trials in a row are not lost: a number beyond is damaged."""


def repair_study(problem: Problem, address: StorageAddress) -> tuple[tuple[str, ...], str | None]:
    """Rewrite a journal so that it can be read; one that can be read is left alone.

    Args:
        problem: What was searched.
        address: Of a study in a journal, which nobody is to be writing.

    Returns:
        What was dropped, as `line 12: why`, or is lost, and the file with the journal as it was.

    Raises:
        StorageError: the journal cannot be read or written.
    """
    journal = address.journal
    assert journal is not None
    try:
        lines = journal.read_bytes().splitlines(keepends=True)
        kept, faults = _sift(lines, problem, address.study)
        if not faults:
            return (), None
        backup = _free_name(journal)
        for path, content in ((backup, lines), (journal, kept)):
            with drafted(path, alone=True) as draft:
                draft.write_bytes(b"".join(content))
    except OSError as error:
        raise StorageError(f"{journal}: cannot be repaired: {error.strerror or error}") from error
    return tuple(faults), str(backup)


def _free_name(journal: Path) -> Path:
    number = 1
    while (path := journal.with_name(f"{journal.name}.damaged-{number}")).exists():
        number += 1
    return path


def _sift(lines: list[bytes], problem: Problem, study: str) -> tuple[list[bytes], list[str]]:
    """The lines that can stay, with those that are put in, and what is wrong with the others."""
    entries = [_entry(line) for line in lines]
    sieve = _Sieve(problem, _in_turn(entries))
    maker = _made_study(problem, study)
    if not _makes(next(filter(None, entries), None), maker):
        sieve.put_in(maker, "the line that made the study is lost, and written anew")
    for place, entry in enumerate(entries):
        sieve.take(place, entry)
    sieve.drop_foreign()
    return sieve.lines(lines), [words for _, words in sorted(sieve.faults)]


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        return read_entry(line)
    except DamagedStudy:
        return None


def _made_study(problem: Problem, study: str) -> dict[str, Any]:
    directions = [StudyDirection[one.direction.upper()].value for one in problem.objectives]
    return _new_entry(Operation.CREATE_STUDY, study_name=study, directions=directions)


def _makes(entry: dict[str, Any] | None, maker: dict[str, Any]) -> bool:
    """Whether an entry makes the study as `maker` would."""
    return entry is not None and {**entry, "worker_id": WORKER} == maker


def _new_entry(operation: Operation, **values: object) -> dict[str, Any]:
    return {"op_code": int(operation), "worker_id": WORKER, **values}


def _number(entry: dict[str, Any]) -> int | None:
    """The number that a line which opens a trial says; None where it says none, or nonsense."""
    try:
        return read_opened(entry.get("user_attrs", {})[OPENED]).number
    except (KeyError, ValueError):
        return None


def _in_turn(entries: Sequence[dict[str, Any] | None]) -> frozenset[int]:
    """Places of the lines that open trials whose numbers rise; as many as can be."""
    numbered = [
        (place, number)
        for place, entry in enumerate(entries)
        if entry is not None
        and entry["op_code"] == Operation.CREATE_TRIAL
        and (number := _number(entry)) is not None
        and number >= 0
    ]
    return frozenset(numbered[rank][0] for rank in _rising([number for _, number in numbered]))


def _rising(numbers: list[int]) -> list[int]:
    """Where the longest strictly rising part of a sequence stands."""
    ends: list[int] = []
    last: list[int] = []
    before: dict[int, int | None] = {}
    for place, number in enumerate(numbers):
        length = bisect_left(ends, number)
        before[place] = last[length - 1] if length else None
        ends[length : length + 1], last[length : length + 1] = [number], [place]
    found: list[int] = []
    place_now = last[-1] if last else None
    while place_now is not None:
        found.append(place_now)
        place_now = before[place_now]
    return found[::-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A line that stays: one of the journal's, by its place, or one that is put in."""

    place: int | None = None
    entry: dict[str, Any]


class _Sieve:
    """Goes through a journal's entries and keeps what fits."""

    def __init__(self, problem: Problem, in_turn: frozenset[int]) -> None:
        """`in_turn`: places of lines that open trials, whose numbers can be right."""
        self.faults: list[tuple[int, str]] = []
        """What is wrong, by place."""
        self._problem = problem
        self._in_turn = in_turn
        self._study = JournaledStudy(problem.space)
        self._kept: list[_Kept] = []
        self._lost: set[int] = set()
        """Trials whose settings are lost."""
        self._foreign: set[int] = set()
        """Trials with records of other networks than their settings give."""
        self._unnumbered: set[int] = set()
        """Trials that would be taken for others where the line that opened one is lost."""
        self._sure: set[int] = set()
        """Trials with records of the networks that their settings give."""

    def take(self, place: int, entry: dict[str, Any] | None) -> None:
        """Keep an entry, or note why not."""
        try:
            if entry is None:
                raise DamagedStudy("is no entry of a journal")
            _check_for_optuna(entry)
            if entry["op_code"] == Operation.CREATE_TRIAL:
                self._make_room(place, entry)
            else:
                self._check_trial(entry)
            self._study.take_in(entry)
        except DamagedStudy as error:
            self._note(place, str(error))
        else:
            self._kept.append(_Kept(place=place, entry=entry))

    def put_in(self, entry: dict[str, Any], why: str, *, before: int = 0) -> None:
        """Keep an entry that the journal lacks."""
        self._study.take_in(entry)
        self._kept.append(_Kept(entry=entry))
        self.faults.append((before, why))

    def drop_foreign(self) -> None:
        """Drop what was said of trials that are not what they were taken for."""
        if self._foreign & self._unnumbered:
            self._foreign |= self._unnumbered - self._sure
        suspect = self._foreign - self._sure
        kept, self._kept = self._kept, []
        for one in kept:
            trial = one.entry.get("trial_id")
            if trial in suspect and one.place is not None:
                self._note(one.place, f"speaks of trial {trial}, and may be of another network")
            else:
                self._kept.append(one)

    def lines(self, lines: list[bytes]) -> list[bytes]:
        """What is kept, as lines of a journal; `lines` are those it had."""
        return [
            json.dumps(one.entry, separators=(",", ":")).encode() + b"\n"
            if one.place is None
            else lines[one.place].removesuffix(b"\n") + b"\n"
            for one in self._kept
        ]

    def _note(self, place: int, why: str) -> None:
        self.faults.append((place, f"line {place + 1}: {why}"))

    def _make_room(self, place: int, entry: dict[str, Any]) -> None:
        """Put in trials for those before this one whose lines are lost."""
        number, due = _number(entry), len(self._study.trials)
        if number is None:
            self._unnumbered.add(due)
            return
        if place not in self._in_turn or not due <= number <= due + MAX_LOST:
            raise DamagedStudy(f"opens trial {number} where trial {due} is due")
        for lost in range(due, number):
            self._lost.add(lost)
            why = f"trial {lost}: the line with its settings is lost, before line {place + 1}"
            self.put_in(_stand_in(entry, lost), why, before=place)

    def _check_trial(self, entry: dict[str, Any]) -> None:
        """Raise DamagedStudy where an entry tells of a network that is not its trial's."""
        number: int = entry.get("trial_id", -1)
        if number in self._lost:
            raise DamagedStudy(f"speaks of trial {number}, whose settings are lost")
        trials = self._study.trials
        record = entry.get("user_attr", {}).get(RECORD)
        if not isinstance(record, dict) or number not in range(len(trials)):
            return
        given = id_of(self._problem.space.decode(tuple(trials[number].genome)))
        if record.get("arch_id") not in (None, given):
            self._foreign.add(number)
            raise DamagedStudy(f"records trial {number}, whose settings give another network")
        if given is not None and record.get("arch_id") == given:
            self._sure.add(number)


def _stand_in(entry: dict[str, Any], number: int) -> dict[str, Any]:
    """A line that opens a trial in place of a lost one: its network is that of `entry` once more.

    So the search will settle it as a repetition, without a training.
    """
    about = read_opened(entry["user_attrs"][OPENED])
    attributes = {OPENED: Opened(at=about.at + 1, number=number).to_plain()}
    return {**entry, "worker_id": WORKER, "user_attrs": attributes}


_OPENED_FOR_OPTUNA = _new_entry(Operation.CREATE_TRIAL, study_id=0, datetime_start=None)


def _check_for_optuna(entry: dict[str, Any]) -> None:
    """Raise DamagedStudy where Optuna could not read an entry, whatever stands before it."""
    replay = JournalStorageReplayResult("")
    maker = _new_entry(Operation.CREATE_STUDY, study_name="", directions=[1])
    alone = {**entry, "trial_id": 0} if "trial_id" in entry else entry
    try:
        replay.apply_logs([maker, _OPENED_FOR_OPTUNA, alone])
    except REPLAY_ERRORS as error:
        raise DamagedStudy(f"cannot be read ({type(error).__name__}: {error})") from error
