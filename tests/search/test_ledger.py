from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nas.search import Ledger, RungScore
from nas.search._outcomes import evaluated, pruned
from nas.trial import Failure, Scores, TrialResult
from tests.search.small import all_genomes

if TYPE_CHECKING:
    from nas.search import Candidate, Problem

WORST = (0.0, 9.0, 9.0)


def candidates(problem: Problem) -> list[Candidate]:
    found = {}
    for candidate in map(problem.candidate, all_genomes(problem.space)):
        if candidate.reason is None:
            found.setdefault(candidate.arch.id, candidate)
    return list(found.values())


def score(accuracy: float, at: int = 0) -> RungScore:
    return RungScore(at=at, scores=Scores(accuracy=accuracy, loss=1.0, train_s=0.0))


def result(number: int, accuracy: float) -> TrialResult:
    return TrialResult(number=number, scores=score(accuracy).scores)


def test_a_life_without_a_ladder(small: Problem) -> None:
    ledger, one = Ledger(small), candidates(small)[0]
    entry = ledger.begin(0, one)
    assert ledger.knows(one.arch.id)
    assert ledger.result_of(one.arch.id) is None
    assert (ledger.num_begun, ledger.num_finished, list(ledger.pending)) == (1, 0, [0])

    assert ledger.finish(evaluated(entry, result(0, 0.5)))
    assert (ledger.num_begun, ledger.num_finished, list(ledger.pending)) == (1, 1, [])
    assert ledger.result_of(one.arch.id) == ledger.evaluations[0]
    assert [member.number for member in ledger.results.front] == [0]
    assert ledger.archive is ledger.results


def test_a_life_on_a_ladder(small: Problem) -> None:
    ledger = Ledger(small, num_rungs=2, reference=WORST)
    for number, one in enumerate(candidates(small)[:3]):
        ledger.begin(number, one)
        assert ledger.promote() is None
        ledger.pause(number, score(0.3 + 0.1 * number))
    assert sorted(ledger.paused) == [0, 1, 2]
    assert not ledger.results.members
    assert len(ledger.archive.members) == 3

    climber = ledger.promote()
    assert climber is not None
    assert list(ledger.pending) == [climber.number]
    assert (ledger.num_evaluated, ledger.num_waiting, ledger.waiting) == (3, 3, {0, 1, 2})
    assert ledger.promote() is None
    ledger.finish(evaluated(climber, result(climber.number, 0.9)))
    for entry in list(ledger.paused.values()):
        ledger.finish(pruned(entry))
    assert (ledger.count("complete"), ledger.count("pruned")) == (1, 2)
    assert ledger.num_finished == ledger.num_evaluated == 3
    assert not ledger.waiting
    assert len(ledger.archive.members) == 3


def test_a_failure_higher_up_takes_the_estimate_away(small: Problem) -> None:
    ledger = Ledger(small, num_rungs=2, reference=WORST)
    for number, one in enumerate(candidates(small)[:3]):
        ledger.begin(number, one)
        ledger.pause(number, score(0.5))
    climber = ledger.promote()
    assert climber is not None
    failure = Failure(kind="Diverged", message="nan")
    ledger.finish(evaluated(climber, TrialResult(number=climber.number, failure=failure)))

    assert len(ledger.archive.members) == 2
    assert ledger.knows(climber.candidate.arch.id)
    assert ledger.failed_in_full


def test_a_failure_on_a_low_rung_is_none_of_full_training(small: Problem) -> None:
    ledger = Ledger(small, num_rungs=2, reference=WORST)
    entry = ledger.begin(0, candidates(small)[0])
    failure = Failure(kind="Diverged", message="nan")
    ledger.finish(evaluated(entry, TrialResult(number=0, failure=failure)))

    assert ledger.count("failed") == 1
    assert not ledger.failed_in_full


def test_a_network_evaluated_twice_is_one_member(small: Problem) -> None:
    ledger, one = Ledger(small), candidates(small)[0]
    entries = [ledger.begin(number, one) for number in range(2)]
    ledger.finish(evaluated(entries[0], result(0, 0.5)))
    ledger.finish(evaluated(entries[1], result(1, 0.9)))

    assert [member.number for member in ledger.results.members] == [0]
    assert ledger.num_finished == 2


def test_every_change_moves_the_clock(small: Problem) -> None:
    ledger = Ledger(small, num_rungs=2, reference=WORST)
    times = [ledger.clock]
    for number, one in enumerate(candidates(small)[:3]):
        ledger.begin(number, one)
        times.append(ledger.clock)
        ledger.pause(number, score(0.5))
        times.append(ledger.clock)
    entry = ledger.promote()
    assert entry is not None
    assert entry.promotions == (times[-1],)
    times.append(ledger.clock)
    ledger.finish(evaluated(entry, result(entry.number, 0.5)))
    times.append(ledger.clock)

    assert times == list(range(9))


def test_nothing_but_the_ledger_changes_a_candidate(small: Problem) -> None:
    ledger: Any = Ledger(small, num_rungs=2, reference=WORST)
    entry = ledger.begin(0, candidates(small)[0])
    with pytest.raises(AttributeError):
        ledger.clock = 7
    with pytest.raises(AttributeError):
        entry.driver = "another"
    for known in (ledger.pending, ledger.paused, ledger.evaluations):
        with pytest.raises(TypeError):
            known[0] = entry

    ledger.assign(0, "another")
    assert (ledger.pending[0].driver, entry.driver) == ("another", "")


def test_nothing_is_finished_that_has_not_begun(small: Problem) -> None:
    ledger, one = Ledger(small), candidates(small)[0]
    entry = Ledger(small).begin(7, one)
    with pytest.raises(KeyError):
        ledger.finish(evaluated(entry, result(7, 0.5)))
