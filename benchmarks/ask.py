"""What a proposal costs when much is known: ours and Optuna's TPE, at 1,000 and 10,000 trials.

    python benchmarks/ask.py [--asks 20]

Spaces and objectives are those of `nas search` (accuracy, parameters, MACs); finished trials are
random feasible networks with pretended accuracies. CPU milliseconds of one thread, so that what
else runs matters less; median and greatest of the asks. Our sampler sees eight networks under
evaluation meanwhile. TPE is multivariate; Optuna's default, which is not, needs longer.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
import warnings
import zlib
from typing import TYPE_CHECKING

import optuna
from _common import machine_line
from rich.console import Console
from rich.table import Table

from nas.metrics import parse_objectives
from nas.search import Ledger, Problem, make_sampler
from nas.space import load_space
from nas.trial import Evaluation, Scores

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.search import Candidate

SPACES = ("lru_vgnet", "reuse_all")
FINISHED = (1_000, 10_000)
PENDING = 8


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--asks", type=int, default=20)
    asks = parser.parse_args().asks
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    table = Table(title=f"CPU ms of an ask, {asks} asks")
    print(machine_line("optuna", "numpy", "scipy"))
    for heading in ("space", "genes", "finished", "model", "greatest", "TPE", "greatest"):
        table.add_column(heading, justify="left" if heading == "space" else "right")
    for name in SPACES:
        problem = Problem(
            space=load_space(name),
            input_shape=(1, 28, 28),
            num_classes=10,
            objectives=parse_objectives(("accuracy", "params", "macs")),
        )
        known = feasible(problem, max(FINISHED) + PENDING)
        for count in FINISHED:
            ours = timed(our_ask(problem, known[:count], known[-PENDING:]), asks)
            tpe = timed(tpe_ask(problem, known[:count]), asks)
            table.add_row(name, str(len(problem.space.genes)), f"{count:,}", *ours, *tpe)
    Console(width=100).print(table)


def feasible(problem: Problem, count: int) -> list[Candidate]:
    """Random networks, each once."""
    rng, found = random.Random(0), {}
    while len(found) < count:
        candidate = problem.candidate(problem.space.random_genome(rng))
        if candidate.reason is None:
            found.setdefault(candidate.arch.id, candidate)
    return list(found.values())


def pretended(candidate: Candidate) -> Scores:
    """More parameters help a little; the rest is chance."""
    assert candidate.cost is not None, "only feasible networks are scored"
    chance = zlib.crc32(candidate.arch.id.encode()) / 2**32
    accuracy = min(0.99, 0.4 + 0.03 * candidate.cost.params.bit_length() + 0.1 * chance)
    return Scores(accuracy=accuracy, loss=1 - accuracy, train_s=1.0)


def our_ask(
    problem: Problem, known: list[Candidate], running: list[Candidate]
) -> Callable[[int], object]:
    """Our sampler over a ledger that knows these networks."""
    ledger = Ledger(problem)
    for number, one in enumerate(known):
        ledger.begin(number, one)
        evaluation = Evaluation(
            number=number, state="complete", arch=one.arch, cost=one.cost, scores=pretended(one)
        )
        ledger.finish(evaluation)
    for number, one in enumerate(running, len(known)):
        ledger.begin(number, one)
    sampler = make_sampler("model", problem, ledger, seed=0, start=known[0].genome)
    return lambda turn: sampler.propose(ledger.num_trials + turn)


def tpe_ask(problem: Problem, known: list[Candidate]) -> Callable[[int], object]:
    """Optuna's sampler over the same trials."""
    sampler = optuna.samplers.TPESampler(seed=0, multivariate=True)
    study = optuna.create_study(directions=["maximize", "minimize", "minimize"], sampler=sampler)
    genes = problem.space.genes
    space = {
        gene.name: optuna.distributions.CategoricalDistribution(gene.labels) for gene in genes
    }
    trials = []
    for one in known:
        assert one.cost is not None, "only feasible networks are known"
        values = [pretended(one).accuracy, one.cost.params, one.cost.macs]
        labels = problem.space.labels(one.genome)
        trials.append(optuna.create_trial(params=labels, distributions=space, values=values))
    study.add_trials(trials)
    return lambda turn: study.ask(space)


def timed(ask: Callable[[int], object], asks: int) -> tuple[str, str]:
    """Median and greatest CPU milliseconds; a first ask, which fits everything, is left out."""
    ask(0)
    spent = []
    for turn in range(asks):
        began = time.process_time()
        ask(turn + 1)
        spent.append(1e3 * (time.process_time() - began))
    return f"{statistics.median(spent):.0f}", f"{max(spent):.0f}"


if __name__ == "__main__":
    main()
