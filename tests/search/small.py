"""Small spaces and a trainer that only pretends, for the tests of search, run and cli."""

from __future__ import annotations

import itertools
import zlib
from typing import TYPE_CHECKING

from nas.errors import IllegalArchitecture
from nas.metrics import parse_objectives
from nas.search import Problem, SearchEngine, StorageAddress, create_study, open_store
from nas.space import parse_space
from nas.trial import Scores, TrialResult

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nas.arch import Architecture
    from nas.metrics import Limit
    from nas.search import Proposal
    from nas.space import Genome, SearchSpace
    from nas.trial import Evaluation, Task
    from nas.workers import Evaluator, WorkerInfo

SMALL = """
stem: {conv: {channels: {choice: [4, 8]}, stride: 2}}
stages:
  - channels: {choice: [4, 8]}
    depth: {range: [1, 2]}
    transition: conv
    block:
      choice:
        - conv: {groups: {choice: [1, 8]}}
        - separable
        - lru: {reuse: {choice: [1, 2]}, groups: 1, shuffle: {choice: [none, interleave]}}
head: gap_linear
"""
"""56 settings, 44 networks: groups of 8 do not divide 4 channels (4 settings lost), and a shuffle
changes nothing at reuse 1 (8 settings lost)."""

MEDIUM = """
stem: {conv: {channels: {choice: [4, 8, 16, 32]}, stride: 2}}
stages:
  - channels: {choice: [8, 16, 32, 64]}
    depth: {range: [1, 4]}
    stride: 2
    transition: conv
    block: {choice: [conv, separable]}
  - channels: {choice: [8, 16, 32, 64]}
    depth: {range: [1, 4]}
    stride: 2
    transition: conv
    block: {choice: [conv, separable]}
head: gap_linear
"""
"""4,096 settings, each a network of its own."""


def make_space(text: str = SMALL) -> SearchSpace:
    return parse_space(text, source="small.yaml", name="small")


def make_problem(
    text: str = SMALL,
    *,
    objectives: Sequence[str] = ("accuracy", "params", "macs"),
    limits: tuple[Limit, ...] = (),
) -> Problem:
    return Problem(
        space=make_space(text),
        input_shape=(1, 8, 8),
        num_classes=3,
        objectives=parse_objectives(objectives),
        limits=limits,
    )


def all_genomes(space: SearchSpace) -> list[Genome]:
    return list(itertools.product(*(range(len(gene.labels)) for gene in space.genes)))


def all_ids(problem: Problem) -> set[str]:
    """Every feasible network, found by looking at every genome."""
    candidates = map(problem.candidate, all_genomes(problem.space))
    return {candidate.arch.id for candidate in candidates if candidate.reason is None}


def is_legal(arch: Architecture) -> bool:
    try:
        return bool(arch.id)
    except IllegalArchitecture:
        return False


def pretend(arch: Architecture) -> Scores:
    """Scores that follow from the network alone, in no order of any kind."""
    accuracy = zlib.crc32(arch.id.encode()) % 1000 / 1000
    return Scores(accuracy=accuracy, loss=1 - accuracy, train_s=0.0)


def pretend_result(number: int, arch: Architecture) -> TrialResult:
    return TrialResult(number=number, scores=pretend(arch), weights=arch.id.encode())


def pretending(info: WorkerInfo) -> Evaluator:
    """A factory whose evaluator trains nothing."""

    def evaluate(task: Task) -> TrialResult:
        return pretend_result(task.number, task.arch)

    return evaluate


def journal_in(folder: Path) -> StorageAddress:
    return StorageAddress(study="small", journal=folder / "study.journal")


def open_engine(
    problem: Problem, address: StorageAddress, *, sampler: str = "evolution", seed: int = 0
) -> SearchEngine:
    start = next(
        genome for genome in all_genomes(problem.space) if problem.candidate(genome).reason is None
    )
    store = open_store(problem, address)
    return SearchEngine(problem, store, sampler=sampler, seed=seed, start=start)


def new_engine(
    problem: Problem, address: StorageAddress, *, sampler: str = "evolution", seed: int = 0
) -> SearchEngine:
    create_study(address, problem.objectives)
    return open_engine(problem, address, sampler=sampler, seed=seed)


def evaluate(engine: SearchEngine, proposal: Proposal) -> Evaluation:
    """Record what the pretended training of a proposal gives."""
    candidate = proposal.candidate
    engine.record(pretend_result(proposal.number, candidate.arch))
    return engine.ledger.evaluations[proposal.number]


def search(engine: SearchEngine, budget: int) -> list[Evaluation]:
    """Evaluate one network after another until the budget is spent or the space exhausted."""
    done: list[Evaluation] = []
    while engine.ledger.num_finished < budget and (proposal := engine.propose()) is not None:
        done.append(evaluate(engine, proposal))
    return done
