"""What the engine itself costs a trial: ours, and Ray Tune with OptunaSearch.

Every trial does nothing, so all that is timed is asking, sending, answering and recording.
Each engine runs in the same Ray with 2 workers, asks the same Optuna sampler for the same 20
parameters and records two objectives. Tune keeps the study in memory; ours is timed so, and
with the crash-safe journal file that a search uses (some 24 writes a trial, each waiting for
the disk: on a busy machine this is most of what is measured).

    python benchmarks/engine_overhead.py [--json]

`first to last` is the wall time of a whole run over its trials, worker start included;
`each further` leaves the start out: for ours the loop alone, for Tune the difference of a long
and a short run. `driver CPU` is the processor time of the driving process in a whole run, which
other programs on the machine disturb less. Medians over the repeats; a first, untimed run of
ours warms Ray up.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import os
import platform
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import optuna
import ray
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from nas.trial import Fidelity, Scores, Task, TrialResult
from nas.workers import Evaluator, Pool, RayPool, WorkerInfo

NUM_WORKERS = 2
CHOICES = ("a", "b", "c", "d")
SAMPLERS: dict[str, Callable[[], optuna.samplers.BaseSampler]] = {
    "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=0),
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
    loop_s: float | None = None
    """Of the total, from the first question on; None where the engine does not tell."""


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
    driver_cpu_ms: float
    """Milliseconds of the driver's processor time a trial, start included."""


# --- ours -------------------------------------------------------------------------------------


def do_nothing(info: WorkerInfo) -> Evaluator:
    """A factory whose evaluator answers at once."""
    scores = Scores(accuracy=0.5, loss=1.0, train_s=0.0)
    return lambda task: TrialResult(number=task.number, scores=scores)


def run_ours(trials: int, sampler: str, *, durable: bool) -> Timing:
    """Time `trials` trials of a search on our Ray pool."""
    began_s, cpu_began_s = time.perf_counter(), time.process_time()
    with (
        tempfile.TemporaryDirectory() as folder,
        RayPool(do_nothing, num_workers=NUM_WORKERS, gpus_per_worker=0) as pool,
    ):
        loop_began_s = time.perf_counter()
        journal = JournalFileBackend(str(Path(folder) / "study.journal"))
        search(pool, JournalStorage(journal) if durable else None, trials, sampler)
        ended_s = time.perf_counter()
    return Timing(
        trials=trials,
        total_s=ended_s - began_s,
        cpu_s=time.process_time() - cpu_began_s,
        loop_s=ended_s - loop_began_s,
    )


def search(pool: Pool, storage: JournalStorage | None, trials: int, sampler: str) -> None:
    """Ask, evaluate and tell until `trials` are done; stands in for the search loop."""
    study = optuna.create_study(
        storage=storage, directions=["maximize", "minimize"], sampler=SAMPLERS[sampler]()
    )
    asked = 0
    running: dict[int, optuna.Trial] = {}
    while asked < trials or running:
        while asked < trials and len(running) < 2 * pool.num_workers:
            trial = study.ask()
            suggest(trial)
            running[trial.number] = trial
            pool.submit(task_of(trial))
            asked += 1
        result = pool.next_result()
        assert result is not None
        assert result.scores is not None
        study.tell(running.pop(result.number), [result.scores.accuracy, float(result.number)])


def task_of(trial: optuna.Trial) -> Task:
    """A task about as large as one with an architecture."""
    arch = json.dumps(trial.params)
    return Task(number=trial.number, arch=arch, fidelity=Fidelity(epochs=1), seed=0)  # type: ignore[arg-type]


def suggest(trial: optuna.Trial) -> None:
    """Twenty parameters: 14 categorical, 6 integer."""
    for index in range(14):
        trial.suggest_categorical(f"choice_{index}", CHOICES)
    for index in range(6):
        trial.suggest_int(f"range_{index}", 1, 64)


# --- theirs -----------------------------------------------------------------------------------


def run_tune(trials: int, sampler: str, *, reuse_actors: bool) -> Timing:
    """Time `trials` trials of Ray Tune with OptunaSearch."""
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    space = {f"choice_{index}": tune.choice(CHOICES) for index in range(14)}
    space |= {f"range_{index}": tune.randint(1, 65) for index in range(6)}
    searcher = OptunaSearch(
        metric=["accuracy", "params"], mode=["max", "min"], sampler=SAMPLERS[sampler]()
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

    tune.report({"accuracy": 0.5, "params": 1.0})


# --- the table --------------------------------------------------------------------------------


def measure_ours(name: str, trials: int, repeats: int, sampler: str, *, durable: bool) -> Row:
    """Medians of our engine."""
    timings = [run_ours(trials, sampler, durable=durable) for _ in range(repeats)]
    return Row(
        engine=name,
        trials=trials,
        repeats=repeats,
        first_to_last_ms=median_ms(timing.total_s / trials for timing in timings),
        each_further_ms=median_ms((timing.loop_s or 0) / trials for timing in timings),
        driver_cpu_ms=median_ms(timing.cpu_s / trials for timing in timings),
    )


def measure_tune(
    name: str, trials: tuple[int, int], repeats: int, sampler: str, *, reuse_actors: bool
) -> Row:
    """Medians of Tune, over a short and a long run in each repeat."""
    pairs = [
        tuple(run_tune(count, sampler, reuse_actors=reuse_actors) for count in trials)
        for _ in range(repeats)
    ]
    return Row(
        engine=name,
        trials=trials[1],
        repeats=repeats,
        first_to_last_ms=median_ms(long.total_s / long.trials for _, long in pairs),
        each_further_ms=median_ms(
            (long.total_s - short.total_s) / (long.trials - short.trials) for short, long in pairs
        ),
        driver_cpu_ms=median_ms(long.cpu_s / long.trials for _, long in pairs),
    )


def median_ms(seconds: object) -> float:
    """Median of seconds, in milliseconds."""
    return 1e3 * statistics.median(seconds)  # type: ignore[call-overload]


def main() -> None:
    """Measure, then print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--sampler", choices=SAMPLERS, default="nsga2", help="of every engine")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--trials", type=int, default=300, help="of ours")
    parser.add_argument("--reuse-trials", type=int, nargs=2, default=(40, 120))
    parser.add_argument("--tune-trials", type=int, nargs=2, default=(4, 12))
    parser.add_argument("--ours-only", action="store_true", help="leave Tune out")
    options = parser.parse_args()
    keep_quiet()
    load_before = os.getloadavg()[0]
    ray.init(address="local", num_cpus=NUM_WORKERS, log_to_driver=False, logging_level="ERROR")
    run_ours(20, options.sampler, durable=False)
    rows = [
        measure_ours(name, options.trials, options.repeats, options.sampler, durable=durable)
        for name, durable in (("nas, study in memory", False), ("nas, journal file", True))
    ]
    if not options.ours_only:
        for name, trials, repeats, reuse in (
            ("Ray Tune + OptunaSearch, reuse_actors", options.reuse_trials, options.repeats, True),
            ("Ray Tune + OptunaSearch", options.tune_trials, min(options.repeats, 2), False),
        ):
            row = measure_tune(name, tuple(trials), repeats, options.sampler, reuse_actors=reuse)
            rows.append(row)
    ray.shutdown()
    print_all(rows, describe_run(options.sampler, load_before), as_json=options.json)


def keep_quiet() -> None:
    """Tune and Optuna report every trial; the table is what is wanted."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("ray").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")


def describe_run(sampler: str, load_before: float) -> dict[str, object]:
    """Where and with what the figures were measured."""
    return {
        "workers": NUM_WORKERS,
        "cpus": os.cpu_count(),
        "sampler": sampler,
        "load_average_before": round(load_before, 2),
        "load_average_after": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{package: version(package) for package in ("ray", "optuna")},
    }


def print_all(rows: list[Row], about: dict[str, object], *, as_json: bool) -> None:
    """The figures, for a program or for people."""
    if as_json:
        print(json.dumps({"run": about, "rows": [asdict(row) for row in rows]}, indent=2))
        return
    print(
        f"{'ms a trial':40}{'trials':>7}{'runs':>6}"
        f"{'first to last':>15}{'each further':>14}{'driver CPU':>12}"
    )
    for row in rows:
        print(
            f"{row.engine:40}{row.trials:>7}{row.repeats:>6}"
            f"{row.first_to_last_ms:>15.1f}{row.each_further_ms:>14.1f}{row.driver_cpu_ms:>12.1f}"
        )
    print(", ".join(f"{key} {value}" for key, value in about.items()))


if __name__ == "__main__":
    main()
