"""`nas bench`: every sampler on every table with every seed, and what came of it."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING

from nas.bench._cache import Cache
from nas.bench._contenders import CONTENDERS, engine_version
from nas.bench._measures import measure
from nas.bench._nasbench201 import DATA_SETS
from nas.bench._plot import plot_bench
from nas.bench._run import BenchRun, run_bench_search
from nas.bench._summary import SummaryRow, summarize
from nas.bench._table import Table, lru_vgnet_small, nasbench201
from nas.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.bench._measures import Metrics

TABLES = (*(f"nasbench201-{data_set}" for data_set in DATA_SETS), "lru_vgnet_small")
"""What `tables` takes."""
MARKS = (50, 100, 200, 500)
"""Trainings after which shares are reported, as far as the budget goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSettings:
    """What is compared."""

    out: Path
    tables: tuple[str, ...] = TABLES
    samplers: tuple[str, ...] = tuple(CONTENDERS)
    """The first is the one that the others are tested against."""
    num_seeds: int = 20
    first_seed: int = 0
    """Seeds count up from here: settings chosen on some are judged on others."""
    budget: int = 200
    workers: int = 8

    def __post_init__(self) -> None:
        """Raises OptionError for a name that is not known or a number below 1."""
        _require_known("`tables`", self.tables, TABLES)
        _require_known("`samplers`", self.samplers, tuple(CONTENDERS))
        for option, value in (
            ("`num_seeds`", self.num_seeds),
            ("`budget`", self.budget),
            ("`workers`", self.workers),
        ):
            if value < 1:
                raise OptionError(f"{option} {value}: give at least 1")
        if self.first_seed < 0:
            raise OptionError(f"`first_seed` {self.first_seed}: give at least 0")

    @property
    def marks(self) -> tuple[int, ...]:
        """Trainings after which shares are reported; the last is the budget."""
        return (*(mark for mark in MARKS if mark < self.budget), self.budget)

    @property
    def seeds(self) -> range:
        """Every sampler runs all of them."""
        return range(self.first_seed, self.first_seed + self.num_seeds)

    @property
    def num_runs(self) -> int:
        """How many there are to run."""
        return len(self.tables) * len(self.samplers) * self.num_seeds


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """What came of it, and where it was written."""

    rows: tuple[SummaryRow, ...]
    marks: tuple[int, ...]
    csv: Path
    plot: Path


def run_bench(
    settings: BenchSettings, *, on_run: Callable[[BenchRun], None] = lambda run: None
) -> BenchReport:
    """Run what is not on disk yet, then report it all; interrupt and repeat as you like.

    `on_run` is told of each run when it is done. Raises DataError where a table is missing.
    """
    metrics = {table: _run_all(settings, table, on_run) for table in settings.tables}
    rows = [
        row
        for table, by_sampler in metrics.items()
        for row in summarize(table, by_sampler, settings.marks)
    ]
    csv_path, plot_path = settings.out / "bench.csv", settings.out / "bench.png"
    _write_csv(csv_path, rows)
    title = f"{settings.workers} asynchronous workers, {settings.num_seeds} seeds"
    plot_bench(plot_path, metrics, title=f"{title}; bands: standard error")
    return BenchReport(rows=tuple(rows), marks=settings.marks, csv=csv_path, plot=plot_path)


def _run_all(
    settings: BenchSettings, name: str, on_run: Callable[[BenchRun], None]
) -> dict[str, list[Metrics]]:
    """A table's runs by sampler, in the order of seeds."""
    table = load_table(name)
    store = Cache(settings.out / "runs")
    metrics: dict[str, list[Metrics]] = {sampler: [] for sampler in settings.samplers}
    for seed in settings.seeds:
        for sampler in settings.samplers:
            run = BenchRun(
                table=name,
                sampler=sampler,
                seed=seed,
                budget=settings.budget,
                workers=settings.workers,
            )
            version = " ".join((engine_version(sampler), table.version)).strip()
            trace = store.load(run, version)
            if trace is None:
                store.store(run_bench_search(run, table), version)
                trace = store.load(run, version)
                assert trace is not None, "it was stored just now"
            metrics[sampler].append(measure(trace, table))
            on_run(run)
    return metrics


@cache
def load_table(name: str) -> Table:
    """The table of that name, one of `TABLES`. Raises DataError where it is not installed."""
    if name == "lru_vgnet_small":
        return lru_vgnet_small()
    return nasbench201(name.removeprefix("nasbench201-"))


def _require_known(option: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    if not names:
        raise OptionError(f"{option}: name at least one of {', '.join(known)}")
    for name in names:
        if name not in known:
            raise OptionError(f"{option}: unknown name '{name}' (known: {', '.join(known)})")


def _write_csv(path: Path, rows: list[SummaryRow]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(asdict(rows[0]))
        for row in rows:
            writer.writerow(
                " ".join(map(_text, value)) if isinstance(value, tuple) else _text(value)
                for value in asdict(row).values()
            )


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
