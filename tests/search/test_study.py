from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import optuna
import pytest
from optuna.trial import TrialState

from nas.metrics import Limit
from nas.search import (
    Problem,
    Proposal,
    SearchStudy,
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
    new_study,
    open_study,
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


class Scripted(optuna.samplers.BaseSampler):
    """Proposes the genomes it was given, in order, then the last one for ever."""

    def __init__(self, problem: Problem, genomes: list[Genome]) -> None:
        self.problem, self.genomes = problem, list(genomes)

    def infer_relative_search_space(self, study, trial):  # type: ignore[no-untyped-def]
        return {
            gene.name: optuna.distributions.CategoricalDistribution(gene.labels)
            for gene in self.problem.space.genes
        }

    def sample_relative(self, study, trial, search_space):  # type: ignore[no-untyped-def]
        genome = self.genomes.pop(0) if len(self.genomes) > 1 else self.genomes[0]
        return self.problem.space.labels(genome)

    def sample_independent(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        raise AssertionError


def scripted(problem: Problem, address: StorageAddress, *genomes: Genome) -> SearchStudy:
    study = new_study(problem, address)
    study._study.sampler = Scripted(problem, list(genomes))
    return study


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


def propose(study: SearchStudy) -> Proposal:
    proposal = study.propose()
    assert proposal is not None
    return proposal


def optuna_trials(address: StorageAddress) -> list[optuna.trial.FrozenTrial]:
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(address.journal))
    )
    return optuna.load_study(study_name=address.study, storage=storage).trials


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("objectives", OBJECTIVES, ids=len)
def test_a_search_spends_its_budget_on_different_networks_and_optuna_has_the_values(
    address: StorageAddress, sampler: str, objectives: tuple[str, ...]
) -> None:
    problem = make_problem(objectives=objectives)
    study = new_study(problem, address, sampler=sampler)
    done = search(study, 25)

    assert len(done) == len({one.arch.id for one in done}) == 25
    loaded = optuna.load_study(study_name="small", storage=study._study._storage)
    assert loaded.metric_names == list(objectives)
    assert [direction.name.lower() for direction in loaded.directions] == [
        objective.direction for objective in problem.objectives
    ]
    for one in done:
        assert one.scores == pretend(one.arch)
        assert one.cost is not None
        expected = [objective.value(one.cost, one.scores) for objective in problem.objectives]
        assert loaded.trials[one.number].values == expected
        assert loaded.trials[one.number].state == TrialState.COMPLETE


@pytest.mark.parametrize(
    "sampler",
    ["evolution", "random", *(pytest.param(one, marks=pytest.mark.slow) for one in SLOW)],
)
def test_every_sampler_exhausts_a_small_space_and_then_says_so(
    small: Problem, address: StorageAddress, sampler: str
) -> None:
    study = new_study(small, address, sampler=sampler)
    done = search(study, 1000)

    assert {one.arch.id for one in done} == all_ids(small)
    assert len(done) == 44
    assert study.propose() is None
    assert all(trial.state.is_finished() for trial in optuna_trials(address))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_gives_the_same_search(
    small: Problem, tmp_path_factory: pytest.TempPathFactory, sampler: str
) -> None:
    def run(seed: int) -> list[str]:
        folder = tmp_path_factory.mktemp("run")
        address = StorageAddress(study="small", journal=folder / "journal")
        study = new_study(small, address, sampler=sampler, seed=seed)
        return [one.arch.id for one in search(study, 25)]

    first = run(1)
    assert first == run(1)
    assert first != run(2)


def test_a_network_in_another_spelling_is_answered_from_its_first_result(
    small: Problem, address: StorageAddress
) -> None:
    one, other = spellings(small)
    third = next(genome for genome in genomes_of(small)[0] if genome not in (one, other))
    study = scripted(small, address, one, other, one, third)
    first = evaluate(study, propose(study))
    proposal = propose(study)

    assert proposal.number == 3
    assert (study.num_evaluated, study.count("duplicate")) == (1, 2)
    for number in (1, 2):
        again = study.evaluations[number]
        assert (again.state, again.duplicate_of, again.scores) == ("duplicate", 0, first.scores)
    values = [trial.values for trial in optuna_trials(address)[:3]]
    assert values[0] == values[1] == values[2]


def test_a_network_under_evaluation_waits_for_the_one_result(
    small: Problem, address: StorageAddress
) -> None:
    one, other = spellings(small)
    third = next(genome for genome in genomes_of(small)[0] if genome not in (one, other))
    study = scripted(small, address, one, other, third)
    first, next_one = propose(study), propose(study)

    assert (first.number, next_one.number) == (0, 2)
    assert study.count("duplicate") == 0
    evaluation = evaluate(study, first)
    waiting = study.evaluations[1]
    assert (waiting.state, waiting.duplicate_of) == ("duplicate", 0)
    assert waiting.scores == evaluation.scores


def test_networks_over_a_limit_or_illegal_are_recorded_with_their_reason(
    address: StorageAddress,
) -> None:
    problem = make_problem(limits=(Limit(name="params", maximum=600),))
    feasible, infeasible = genomes_of(problem)
    illegal = next(genome for genome in infeasible if problem.candidate(genome).cost is None)
    large = next(genome for genome in infeasible if problem.candidate(genome).cost is not None)
    study = scripted(problem, address, illegal, large, feasible[0])

    assert propose(study).number == 2
    assert (study.num_evaluated, study.count("rejected")) == (0, 2)
    first, second = study.evaluations[0], study.evaluations[1]
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
    study = scripted(small, address, genome)
    done = search(study, 4)

    assert len({one.arch.id for one in done}) == 4
    assert study.count("duplicate") == 3 * 100


def test_a_failed_network_is_recorded_counts_and_is_never_trained_again(
    small: Problem, address: StorageAddress
) -> None:
    one, other = spellings(small)
    third = next(genome for genome in genomes_of(small)[0] if genome not in (one, other))
    study = scripted(small, address, one, other, third)
    failure = Failure(kind="Diverged", message="loss is nan at step 3", detail="Traceback ...")
    proposal = propose(study)
    on_front = study.record(
        proposal.candidate, TrialResult(number=proposal.number, failure=failure)
    )

    assert not on_front
    assert propose(study).number == 2
    assert study.num_evaluated == 1
    assert study.evaluations[0].failure == study.evaluations[1].failure == failure
    assert [study.evaluations[n].state for n in (0, 1)] == ["failed", "duplicate"]
    assert study.archive.members == []
    resumed = open_study(small, address)
    assert resumed.evaluations[0].failure == failure
    assert resumed.num_evaluated == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("field", ["accuracy", "loss"])
def test_scores_that_are_not_finite_never_reach_optuna(
    small: Problem, address: StorageAddress, field: str, bad: float
) -> None:
    study = new_study(small, address)
    proposal = propose(study)
    scores = replace(Scores(accuracy=0.5, loss=1.0, train_s=0.0), **{field: bad})
    study.record(proposal.candidate, TrialResult(number=proposal.number, scores=scores))

    failure = study.evaluations[0].failure
    assert failure is not None
    assert failure.kind == "NotFinite"
    assert field in failure.message
    [trial] = optuna_trials(address)
    assert (trial.state, trial.values) == (TrialState.FAIL, None)
    assert study.archive.front == []


def test_record_says_whether_a_network_is_on_the_front(address: StorageAddress) -> None:
    problem = make_problem(objectives=("accuracy",))
    study = new_study(problem, address)
    answers = []
    for accuracy in (0.5, 0.4, 0.6, 0.6):
        proposal = propose(study)
        scores = Scores(accuracy=accuracy, loss=1.0, train_s=0.0)
        answers.append(
            study.record(proposal.candidate, TrialResult(number=proposal.number, scores=scores))
        )

    assert answers == [True, False, True, True]
    assert [member.number for member in study.archive.front] == [2, 3]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_resumed_study_knows_what_it_knew(address: StorageAddress, sampler: str) -> None:
    problem = make_problem(MEDIUM, limits=(Limit(name="params", maximum=20_000),))
    study = new_study(problem, address, sampler=sampler)
    search(study, 30)
    resumed = open_study(problem, address, sampler=sampler)

    assert resumed.evaluations == study.evaluations
    assert resumed.archive == study.archive
    for state in ("complete", "duplicate", "rejected", "failed"):
        assert resumed.count(state) == study.count(state)
    assert load_evaluations(problem, address) == tuple(study.evaluations.values())


def test_what_was_under_way_is_proposed_again_first(
    small: Problem, address: StorageAddress
) -> None:
    study = new_study(small, address)
    search(study, 3)
    under_way = [propose(study), propose(study)]
    resumed = open_study(small, address)

    again = [propose(resumed), propose(resumed)]
    assert [one.number for one in again] == [one.number for one in under_way] == [3, 4]
    assert [one.candidate for one in again] == [one.candidate for one in under_way]
    assert propose(resumed).number == 5


def test_waiting_proposals_survive_a_resume_however_many(
    small: Problem, address: StorageAddress
) -> None:
    first, second, *_ = genomes_of(small)[0]
    study = scripted(small, address, first, *[first] * 99, second, *[second] * 60, first)
    for _ in range(2):
        propose(study)
    study._study.sampler = Scripted(small, [first] * 60 + [genomes_of(small)[0][2]])
    propose(study)
    resumed = open_study(small, address)

    again = [propose(resumed) for _ in range(3)]
    assert len({one.candidate.arch.id for one in again}) == 3
    for one in again:
        evaluate(resumed, one)
    assert resumed.count("complete") == 3
    assert resumed.count("duplicate") == 99 + 60
    assert all(trial.state.is_finished() for trial in optuna_trials(address))


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_a_resumed_sampler_does_not_begin_anew(address: StorageAddress, sampler: str) -> None:
    problem = make_problem(MEDIUM)
    search(new_study(problem, address, sampler=sampler), 15)
    resumed = open_study(problem, address, sampler=sampler)
    search(resumed, 30)

    assert resumed.count("duplicate") < 5


def test_evolution_resumed_goes_on_as_if_it_had_not_stopped(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    problem = make_problem(MEDIUM)
    addresses = [
        StorageAddress(study="small", journal=tmp_path_factory.mktemp("run") / "journal")
        for _ in range(2)
    ]
    through = search(new_study(problem, addresses[0]), 40)
    search(new_study(problem, addresses[1]), 23)
    search(open_study(problem, addresses[1]), 40)

    assert list(load_evaluations(problem, addresses[1])) == through
