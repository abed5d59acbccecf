"""What every sampler promises. Each of them runs the whole suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nas.metrics import Limit
from nas.search import (
    Ledger,
    MemoryStore,
    Problem,
    SearchEngine,
    SpaceExhausted,
    make_sampler,
)
from nas.trial import Failure, TrialResult
from tests.search.small import (
    MEDIUM,
    all_genomes,
    all_ids,
    make_problem,
    pretend_result,
    search,
)

if TYPE_CHECKING:
    from nas.search import Sampler
    from nas.space import Genome


def feasible(problem: Problem) -> Genome:
    genomes = all_genomes(problem.space)
    return next(genome for genome in genomes if problem.candidate(genome).reason is None)


class SamplerConformance:
    """Inherit, and say which sampler: its name, and whether it `finds_new` networks only."""

    name: str
    finds_new: bool

    def engine(
        self, problem: Problem, *, seed: int = 0, store: MemoryStore | None = None
    ) -> SearchEngine:
        return SearchEngine(
            problem,
            store or MemoryStore(),
            sampler=self.name,
            seed=seed,
            start=feasible(problem),
        )

    def sampler(self, problem: Problem, ledger: Ledger) -> Sampler:
        return make_sampler(self.name, problem, ledger, seed=0, start=feasible(problem))

    def test_it_says_whether_it_repeats_itself(self) -> None:
        problem = make_problem()
        assert self.sampler(problem, Ledger(problem)).finds_new == self.finds_new

    def test_a_proposal_is_a_genome_of_the_space(self) -> None:
        problem = make_problem(MEDIUM)
        genome = self.sampler(problem, Ledger(problem)).propose(0)

        assert len(genome) == len(problem.space.genes)
        pairs = zip(problem.space.genes, genome, strict=True)
        assert all(0 <= choice < len(gene.labels) for gene, choice in pairs)

    def test_one_that_finds_new_networks_says_when_there_are_none(self) -> None:
        problem = make_problem()
        ledger = Ledger(problem)
        for number, genome in enumerate(all_genomes(problem.space)):
            candidate = problem.candidate(genome)
            if candidate.reason is None:
                ledger.begin(number, candidate)
        sampler = self.sampler(problem, ledger)

        if self.finds_new:
            with pytest.raises(SpaceExhausted):
                sampler.propose(1_000)
        else:
            assert sampler.propose(1_000)

    def test_a_small_space_is_found_whole(self) -> None:
        problem = make_problem()
        done = search(self.engine(problem), 1_000)

        assert {one.arch.id for one in done} == all_ids(problem)

    def test_the_same_seed_gives_the_same_search(self) -> None:
        problem = make_problem(MEDIUM)
        first, again, other = (
            [one.arch.id for one in search(self.engine(problem, seed=seed), 25)]
            for seed in (1, 1, 2)
        )
        assert first == again != other

    def test_many_pending_networks_are_all_different(self) -> None:
        problem = make_problem(MEDIUM)
        engine = self.engine(problem)
        search(engine, 20)
        proposals = [engine.propose() for _ in range(12)]

        ids = {proposal.candidate.arch.id for proposal in proposals if proposal is not None}
        assert len(ids) == 12

    def test_nothing_over_a_limit_is_handed_out(self) -> None:
        problem = make_problem(MEDIUM, limits=(Limit(name="params", maximum=5_000),))
        done = search(self.engine(problem), 20)

        assert all(one.cost is not None and one.cost.params <= 5_000 for one in done)

    @pytest.mark.parametrize(
        "objectives",
        [("accuracy",), ("params", "accuracy"), ("accuracy", "params", "macs")],
    )
    def test_any_objectives_in_any_order(self, objectives: tuple[str, ...]) -> None:
        problem = make_problem(MEDIUM, objectives=objectives)
        done = search(self.engine(problem), 25)

        assert len({one.arch.id for one in done}) == 25

    def test_failures_do_not_stop_it(self) -> None:
        engine = self.engine(make_problem(MEDIUM))
        for number in range(24):
            proposal = engine.propose()
            assert proposal is not None
            failure = Failure(kind="Diverged", message="loss is nan")
            ok = pretend_result(proposal.number, proposal.candidate.arch)
            bad = TrialResult(number=proposal.number, failure=failure)
            engine.record(bad if number % 2 else ok)

        assert (engine.ledger.count("failed"), engine.ledger.count("complete")) == (12, 12)

    def test_a_resumed_search_does_not_begin_anew(self) -> None:
        problem, store = make_problem(MEDIUM), MemoryStore()
        search(self.engine(problem, store=store), 15)
        resumed = self.engine(problem, store=store)
        search(resumed, 30)

        genomes = [trial.genome for trial in store.read()]
        assert resumed.ledger.num_finished == 30
        assert len(set(genomes[15:]) - set(genomes[:15])) >= 15


class TestEvolution(SamplerConformance):
    name, finds_new = "evolution", True


class TestModel(SamplerConformance):
    name, finds_new = "model", True


class TestRandom(SamplerConformance):
    name, finds_new = "random", False


@pytest.mark.slow
class TestTpe(SamplerConformance):
    name, finds_new = "tpe", False


@pytest.mark.slow
class TestTpeDefault(SamplerConformance):
    name, finds_new = "tpe-default", False


class TestNsga2(SamplerConformance):
    name, finds_new = "nsga2", False

    def test_generations_survive_a_resume(self) -> None:
        problem, store = make_problem(MEDIUM), MemoryStore()
        search(self.engine(problem, store=store), 45)
        resumed = self.engine(problem, store=store)
        search(resumed, 46)

        notes = [trial.notes.get("NSGAIISampler:generation") for trial in store.read()]
        assert notes[0] == 0
        assert notes[-1] == max(note for note in notes[:-1] if note is not None) > 0
