from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from nas.metrics import Limit
from nas.search import (
    Ledger,
    Problem,
    Proposal,
    Sampler,
    SearchEngine,
    StorageAddress,
    load_evaluations,
)
from nas.trial import Failure, Scores, TrialResult
from tests.search.small import (
    MEDIUM,
    all_genomes,
    all_ids,
    evaluate,
    make_problem,
    new_engine,
    open_engine,
    pretend,
    search,
)

if TYPE_CHECKING:
    from nas.space import Genome

SLOW = ("tpe", "nsga2")
SAMPLERS = ("evolution", "random", *SLOW)
OBJECTIVES = (
    ("accuracy",),
    ("accuracy", "params"),
    ("accuracy", "params", "macs"),
    ("macs", "accuracy", "peak_activation_bytes", "params"),
)


class Scripted(Sampler):
    """Proposes the genomes it was given, in order, then the last one for ever."""

    def __init__(self, problem: Problem, genomes: list[Genome]) -> None:
        super().__init__(problem, Ledger(problem), seed=0)
        self.genomes = list(genomes)

    def propose(self, number: int) -> Genome:
        return self.genomes.pop(0) if len(self.genomes) > 1 else self.genomes[0]


def scripted(problem: Problem, address: StorageAddress, *genomes: Genome) -> SearchEngine:
    engine = new_engine(problem, address)
    engine._sampler = Scripted(problem, list(genomes))
    return engine


def genomes_of(problem: Problem) -> tuple[list[Genome], list[Genome]]:
    """Feasible genomes with different networks, and infeasible ones."""
    feasible: dict[str, Genome] = {}
    infeasible = []
    for genome in all_genomes(problem.space):
        candidate = problem.candidate(genome)
        if candidate.reason is None:
            feasible.setdefault(candidate.arch.id, genome)
        else:
            infeasible.append(genome)
    return list(feasible.values()), infeasible


def spellings(problem: Problem) -> tuple[Genome, Genome]:
    """Two genomes, both canonical, of one network."""
    first: dict[str, Genome] = {}
    for genome in all_genomes(problem.space):
        candidate = problem.candidate(genome)
        if candidate.reason is not None or problem.space.canonical_genome(genome) != genome:
            continue
        if (other := first.setdefault(candidate.arch.id, genome)) != genome:
            return other, genome
    raise AssertionError("shuffles at reuse 1 are spellings of one network")


def propose(engine: SearchEngine) -> Proposal:
    proposal = engine.propose()
    assert proposal is not None
    return proposal


def optuna_trials(address: StorageAddress) -> list[optuna.trial.FrozenTrial]:
    storage = JournalStorage(JournalFileBackend(str(address.journal)))
    return optuna.load_study(study_name=address.study, storage=storage).trials


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("objectives", OBJECTIVES, ids=len)
def test_a_search_spends_its_budget_on_different_networks_and_optuna_has_the_values(
    address: StorageAddress, sampler: str, objectives: tuple[str, ...]
) -> None:
    problem = make_problem(objectives=objectives)
    engine = new_engine(problem, address, sampler=sampler)
    done = search(engine, 25)

    assert len(done) == len({one.arch.id for one in done}) == 25
    storage = JournalStorage(JournalFileBackend(str(address.journal)))
    loaded = optuna.load_study(study_name="small", storage=storage)
    assert loaded.metric_names == list(objectives)
    assert [direction.name.lower() for direction in loaded.directions] == [
        objective.direction for objective in problem.objectives
    ]
    trials = loaded.trials
    for one in done:
        assert one.scores == pretend(one.arch)
        assert one.cost is not None
        expected = [objective.value(one.cost, one.scores) for objective in problem.objectives]
        assert trials[one.number].values == expected
        assert trials[one.number].state == TrialState.COMPLETE


@pytest.mark.parametrize(
    "sampler",
    ["evolution", "random", *(pytest.param(one, marks=pytest.mark.slow) for one in SLOW)],
)
def test_every_sampler_exhausts_a_small_space_and_then_says_so(
    small: Problem, address: StorageAddress, sampler: str
) -> None:
    engine = new_engine(small, address, sampler=sampler)
    done = search(engine, 1000)

    assert {one.arch.id for one in done} == all_ids(small)
    assert len(done) == 44
    assert engine.propose() is None
    assert all(trial.state.is_finished() for trial in optuna_trials(address))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_gives_the_same_search(
    small: Problem, tmp_path_factory: pytest.TempPathFactory, sampler: str
) -> None:
    def run(seed: int) -> list[str]:
        folder = tmp_path_factory.mktemp("run")
        address = StorageAddress(study="small", journal=folder / "journal")
        engine = new_engine(small, address, sampler=sampler, seed=seed)
        return [one.arch.id for one in search(engine, 25)]

    first = run(1)
    assert first == run(1)
    assert first != run(2)


def test_a_network_in_another_spelling_is_answered_from_its_first_result(
    small: Problem, address: StorageAddress
) -> None:
    one, other = spellings(small)
    third = next(genome for genome in genomes_of(small)[0] if genome not in (one, other))
    engine = scripted(small, address, one, other, one, third)
    first = evaluate(engine, propose(engine))
    proposal = propose(engine)

    assert proposal.number == 3
    assert (engine.ledger.num_finished, engine.ledger.count("duplicate")) == (1, 2)
    for number in (1, 2):
        again = engine.ledger.evaluations[number]
        assert (again.state, again.duplicate_of, again.scores) == ("duplicate", 0, first.scores)
    values = [trial.values for trial in optuna_trials(address)[:3]]
    assert values[0] == values[1] == values[2]


def test_a_network_under_evaluation_waits_for_the_one_result(
    small: Problem, address: StorageAddress
) -> None:
    one, other = spellings(small)
    third = next(genome for genome in genomes_of(small)[0] if genome not in (one, other))
    engine = scripted(small, address, one, other, third)
    first, next_one = propose(engine), propose(engine)

    assert (first.number, next_one.number) == (0, 2)
    assert engine.ledger.count("duplicate") == 0
    evaluation = evaluate(engine, first)
    waiting = engine.ledger.evaluations[1]
    assert (waiting.state, waiting.duplicate_of) == ("duplicate", 0)
    assert waiting.scores == evaluation.scores


def test_networks_over_a_limit_or_illegal_are_recorded_with_their_reason(
    address: StorageAddress,
) -> None:
    problem = make_problem(limits=(Limit(name="params", maximum=600),))
    feasible, infeasible = genomes_of(problem)
    illegal = next(genome for genome in infeasible if problem.candidate(genome).cost is None)
    large = next(genome for genome in infeasible if problem.candidate(genome).cost is not None)
    engine = scripted(problem, address, illegal, large, feasible[0])

    assert propose(engine).number == 2
    assert (engine.ledger.num_finished, engine.ledger.count("rejected")) == (0, 2)
    first, second = engine.ledger.evaluations[0], engine.ledger.evaluations[1]
    assert first.cost is None
    assert first.failure is not None
    assert "groups 8 does not divide" in first.failure.message
    assert second.failure is not None
    assert "exceeds the limit of 600" in second.failure.message
    states = [trial.state for trial in optuna_trials(address)]
    assert states == [TrialState.FAIL, TrialState.FAIL, TrialState.RUNNING]


def test_a_sampler_that_only_repeats_itself_is_helped_out(
    small: Problem, address: StorageAddress
) -> None:
    genome = genomes_of(small)[0][0]
    engine = scripted(small, address, genome)
    done = search(engine, 4)

    assert len({one.arch.id for one in done}) == 4
    assert engine.ledger.count("duplicate") == 3 * 100


def test_a_failed_network_is_recorded_counts_and_is_never_trained_again(
    small: Problem, address: StorageAddress
) -> None:
    one, other = spellings(small)
    third = next(genome for genome in genomes_of(small)[0] if genome not in (one, other))
    engine = scripted(small, address, one, other, third)
    failure = Failure(kind="Diverged", message="loss is nan at step 3", detail="Traceback ...")
    proposal = propose(engine)
    on_front = engine.record(TrialResult(number=proposal.number, failure=failure))

    assert not on_front
    assert propose(engine).number == 2
    assert engine.ledger.num_finished == 1
    assert engine.ledger.evaluations[0].failure == engine.ledger.evaluations[1].failure == failure
    assert [engine.ledger.evaluations[n].state for n in (0, 1)] == ["failed", "duplicate"]
    assert engine.ledger.results.members == []
    resumed = open_engine(small, address)
    assert resumed.ledger.evaluations[0].failure == failure
    assert resumed.ledger.num_finished == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("field", ["accuracy", "loss"])
def test_scores_that_are_not_finite_never_reach_optuna(
    small: Problem, address: StorageAddress, field: str, bad: float
) -> None:
    engine = new_engine(small, address)
    proposal = propose(engine)
    scores = replace(Scores(accuracy=0.5, loss=1.0, train_s=0.0), **{field: bad})
    engine.record(TrialResult(number=proposal.number, scores=scores))

    failure = engine.ledger.evaluations[0].failure
    assert failure is not None
    assert failure.kind == "NotFinite"
    assert field in failure.message
    [trial] = optuna_trials(address)
    assert (trial.state, trial.values) == (TrialState.FAIL, None)
    assert engine.ledger.results.front == []


def test_record_says_whether_a_network_is_on_the_front(address: StorageAddress) -> None:
    problem = make_problem(objectives=("accuracy",))
    engine = new_engine(problem, address)
    answers = []
    for accuracy in (0.5, 0.4, 0.6, 0.6):
        proposal = propose(engine)
        scores = Scores(accuracy=accuracy, loss=1.0, train_s=0.0)
        answers.append(engine.record(TrialResult(number=proposal.number, scores=scores)))

    assert answers == [True, False, True, True]
    assert [member.number for member in engine.ledger.results.front] == [2, 3]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_resumed_study_knows_what_it_knew(address: StorageAddress, sampler: str) -> None:
    problem = make_problem(MEDIUM, limits=(Limit(name="params", maximum=20_000),))
    engine = new_engine(problem, address, sampler=sampler)
    search(engine, 30)
    resumed = open_engine(problem, address, sampler=sampler)

    assert resumed.ledger.evaluations == engine.ledger.evaluations
    assert resumed.ledger.results == engine.ledger.results
    for state in ("complete", "duplicate", "rejected", "failed"):
        assert resumed.ledger.count(state) == engine.ledger.count(state)
    assert load_evaluations(problem, address) == tuple(engine.ledger.evaluations.values())


def test_what_was_under_way_is_proposed_again_first(
    small: Problem, address: StorageAddress
) -> None:
    engine = new_engine(small, address)
    search(engine, 3)
    under_way = [propose(engine), propose(engine)]
    resumed = open_engine(small, address)

    again = [propose(resumed), propose(resumed)]
    assert [one.number for one in again] == [one.number for one in under_way] == [3, 4]
    assert [one.candidate for one in again] == [one.candidate for one in under_way]
    assert propose(resumed).number == 5


def test_waiting_proposals_survive_a_resume_however_many(
    small: Problem, address: StorageAddress
) -> None:
    first, second, *_ = genomes_of(small)[0]
    engine = scripted(small, address, first, *[first] * 99, second, *[second] * 60, first)
    for _ in range(2):
        propose(engine)
    engine._sampler = Scripted(small, [first] * 60 + [genomes_of(small)[0][2]])
    propose(engine)
    resumed = open_engine(small, address)

    again = [propose(resumed) for _ in range(3)]
    assert len({one.candidate.arch.id for one in again}) == 3
    for one in again:
        evaluate(resumed, one)
    assert resumed.ledger.count("complete") == 3
    assert resumed.ledger.count("duplicate") == 99 + 60
    assert all(trial.state.is_finished() for trial in optuna_trials(address))


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_a_resumed_sampler_does_not_begin_anew(address: StorageAddress, sampler: str) -> None:
    problem = make_problem(MEDIUM)
    search(new_engine(problem, address, sampler=sampler), 15)
    resumed = open_engine(problem, address, sampler=sampler)
    search(resumed, 30)

    assert resumed.ledger.count("duplicate") < 5


def test_evolution_resumed_goes_on_as_if_it_had_not_stopped(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    problem = make_problem(MEDIUM)
    addresses = [
        StorageAddress(study="small", journal=tmp_path_factory.mktemp("run") / "journal")
        for _ in range(2)
    ]
    through = search(new_engine(problem, addresses[0]), 40)
    search(new_engine(problem, addresses[1]), 23)
    search(open_engine(problem, addresses[1]), 40)

    assert list(load_evaluations(problem, addresses[1])) == through
