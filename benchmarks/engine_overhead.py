"""What the engine itself costs a trial: ours, and Ray Tune with OptunaSearch.

Trainings do nothing, so all that is timed is proposing, sending, answering and recording. Each
engine runs in the same Ray with 2 workers on the same parameters, those of the space `lru_vgnet`,
for accuracy, parameters and multiply-accumulates. Ours is the loop of `nas search` with nothing
left out: exact costs, rejection, deduplication, a crash-safe journal, the log and the progress
display. It asks Optuna's NSGA-II with a population of 20, as Tune is made to, and then its own
default, `model`, which computes more for each proposal. Tune keeps the study in memory.

    python benchmarks/engine_overhead.py [--json]

`first to last` is the wall time of a whole run over its trials, worker start included;
`each further` leaves the start out: the difference of a long and a short run over the difference
of their trials. `driver CPU` is the processor time of the driving process in a whole run, which
other programs on the machine disturb less. Medians over the repeats; a first, untimed run of
ours warms Ray up.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import statistics
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import optuna
import ray
from _common import machine

from nas.run import SearchSettings, WorkerConfig, create_run, run_search
from nas.space import load_space
from nas.trial import Fidelity, Scores, Task, TrialResult
from nas.workers import Evaluator, WorkerInfo

NUM_WORKERS = 2
SPACE = "lru_vgnet"
OBJECTIVES = ("accuracy", "params", "macs")
OUR_SAMPLERS = ("nsga2", "model")
SAMPLERS: dict[str, Callable[[], optuna.samplers.BaseSampler]] = {
    "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=0, population_size=20),
    "tpe": lambda: optuna.samplers.TPESampler(seed=0),
    "random": lambda: optuna.samplers.RandomSampler(seed=0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One run of one engine."""

    trials: int
    total_s: float
    """From the first call to the last answer, start of the workers included."""
    cpu_s: float
    """Processor time of this process meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One engine's medians."""

    engine: str
    trials: int
    repeats: int
    first_to_last_ms: float
    """Milliseconds a trial, start included."""
    each_further_ms: float
    """Milliseconds that one more trial costs."""
    each_further_range_ms: tuple[float, float]
    """The least and the greatest of the repeats."""
    driver_cpu_ms: float
    """Milliseconds of the driver's processor time a trial, start included."""


# --- ours -------------------------------------------------------------------------------------


def do_nothing(info: WorkerInfo) -> Evaluator:
    """A factory whose evaluator answers at once, with an accuracy drawn from the network's id."""

    def evaluate(task: Task) -> TrialResult:
        accuracy = zlib.crc32(task.arch.id.encode()) / 2**32
        scores = Scores(accuracy=accuracy, loss=1.0, train_s=0.0)
        return TrialResult(number=task.number, scores=scores)

    return evaluate


def run_ours(trials: int, *, sampler: str) -> Timing:
    """Time a search for `trials` networks, from its run folder to the last result."""
    with tempfile.TemporaryDirectory() as folder:
        images = np.zeros((120, 28, 28), dtype=np.uint8)
        np.savez(Path(folder) / "blank.npz", images=images, labels=np.arange(120) % 10)
        settings = SearchSettings(
            space=SPACE,
            data=str(Path(folder) / "blank.npz"),
            budget=trials,
            objectives=OBJECTIVES,
            sampler=sampler,
            fidelity=Fidelity(epochs=1),
            study="overhead",
            task_timeout_s=60.0,
        )
        session = create_run(settings, Path(folder) / "run").run
        worker_config = WorkerConfig(workers=NUM_WORKERS, gpus_per_worker=0)
        began_s, cpu_began_s = time.perf_counter(), time.process_time()
        outcome = run_search(session, worker_config, factory=do_nothing)
        total_s = time.perf_counter() - began_s
        cpu_s = time.process_time() - cpu_began_s
    assert outcome.evaluated == trials
    return Timing(trials=trials, total_s=total_s, cpu_s=cpu_s)


# --- theirs -----------------------------------------------------------------------------------


def run_tune(trials: int, *, sampler: str, reuse_actors: bool) -> Timing:
    """Time `trials` trials of Ray Tune with OptunaSearch."""
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    space = {gene.name: tune.choice(gene.labels) for gene in load_space(SPACE).genes}
    searcher = OptunaSearch(
        metric=list(OBJECTIVES), mode=["max", "min", "min"], sampler=SAMPLERS[sampler]()
    )
    with tempfile.TemporaryDirectory() as folder:
        began_s, cpu_began_s = time.perf_counter(), time.process_time()
        tuner = tune.Tuner(
            tune.with_resources(report_nothing, {"cpu": 1}),
            param_space=space,
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                num_samples=trials,
                max_concurrent_trials=NUM_WORKERS,
                reuse_actors=reuse_actors,
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        with contextlib.redirect_stdout(io.StringIO()):
            results = tuner.fit()
        total_s = time.perf_counter() - began_s
        cpu_s = time.process_time() - cpu_began_s
    assert len(results) == trials
    assert results.num_errors == 0
    return Timing(trials=trials, total_s=total_s, cpu_s=cpu_s)


def report_nothing(config: dict[str, object]) -> None:
    """A Tune trainable that answers at once."""
    from ray import tune

    tune.report({"accuracy": 0.5, "params": 1.0, "macs": 1.0})


# --- the table --------------------------------------------------------------------------------


def measure(name: str, run: Callable[[int], Timing], trials: Sequence[int], repeats: int) -> Row:
    """Medians of one engine, over a short and a long run in each repeat."""
    pairs = [(run(trials[0]), run(trials[1])) for _ in range(repeats)]
    further_ms = [
        1e3 * (long.total_s - short.total_s) / (long.trials - short.trials)
        for short, long in pairs
    ]
    return Row(
        engine=name,
        trials=trials[1],
        repeats=repeats,
        first_to_last_ms=median_ms(long.total_s / long.trials for _, long in pairs),
        each_further_ms=statistics.median(further_ms),
        each_further_range_ms=(min(further_ms), max(further_ms)),
        driver_cpu_ms=median_ms(long.cpu_s / long.trials for _, long in pairs),
    )


def median_ms(seconds: Iterable[float]) -> float:
    """Median of seconds, in milliseconds."""
    return 1e3 * statistics.median(seconds)


def main() -> None:
    """Measure, then print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--sampler", choices=SAMPLERS, default="nsga2", help="of Tune")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--trials", type=int, nargs=2, default=(50, 350), help="of ours")
    parser.add_argument("--reuse-trials", type=int, nargs=2, default=(40, 120))
    parser.add_argument("--tune-trials", type=int, nargs=2, default=(4, 12))
    parser.add_argument("--ours-only", action="store_true", help="leave Tune out")
    options = parser.parse_args()
    keep_quiet()
    load_before = machine()["load"]
    ray.init(address="local", num_cpus=NUM_WORKERS, log_to_driver=False, logging_level="ERROR")
    run_ours(10, sampler=OUR_SAMPLERS[0])
    rows = []
    for sampler in OUR_SAMPLERS:
        run = partial(run_ours, sampler=sampler)
        rows.append(measure(f"nas search, {sampler}", run, options.trials, options.repeats))
    if not options.ours_only:
        for name, trials, repeats, reuse in (
            ("OptunaSearch, reuse_actors", options.reuse_trials, options.repeats, True),
            ("OptunaSearch", options.tune_trials, min(options.repeats, 2), False),
        ):
            name = f"Ray Tune + {name}, {options.sampler}"
            run = partial(run_tune, sampler=options.sampler, reuse_actors=reuse)
            rows.append(measure(name, run, trials, repeats))
    ray.shutdown()
    print_all(rows, describe_run(load_before), as_json=options.json)


def keep_quiet() -> None:
    """Tune and Optuna report every trial; the table is what is wanted."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("ray").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")


def describe_run(load_before: str) -> dict[str, object]:
    """Where and with what the figures were measured."""
    return {
        "workers": NUM_WORKERS,
        "load_before": load_before,
        **machine("ray", "optuna"),
    }


def print_all(rows: list[Row], about: dict[str, object], *, as_json: bool) -> None:
    """The figures, for a program or for people."""
    if as_json:
        print(json.dumps({"run": about, "rows": [asdict(row) for row in rows]}, indent=2))
        return
    print(
        f"{'ms a trial':48}{'trials':>7}{'runs':>6}"
        f"{'first to last':>15}{'each further':>14}{'least to most':>22}{'driver CPU':>12}"
    )
    for row in rows:
        spread = " to ".join(f"{ms:.1f}" for ms in row.each_further_range_ms)
        print(
            f"{row.engine:48}{row.trials:>7}{row.repeats:>6}"
            f"{row.first_to_last_ms:>15.1f}{row.each_further_ms:>14.1f}{spread:>22}"
            f"{row.driver_cpu_ms:>12.1f}"
        )
    print(", ".join(f"{key} {value}" for key, value in about.items()))


if __name__ == "__main__":
    main()
