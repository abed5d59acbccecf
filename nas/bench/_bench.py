"""`nas bench`: every sampler on every table with every seed, and what came of it."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING

from nas.bench._cache import Cache
from nas.bench._measures import measure
from nas.bench._nasbench201 import DATA_SETS
from nas.bench._plot import plot_bench
from nas.bench._race import Race, run_race
from nas.bench._summary import Line, summarize
from nas.bench._table import Table, lru_vgnet_small, nasbench201
from nas.errors import OptionError
from nas.search import CONTENDERS, contender_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.bench._measures import Outcome

TABLES = (*(f"nasbench201-{data_set}" for data_set in DATA_SETS), "lru_vgnet_small")
"""What `--tables` takes."""
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
        _require_known("--tables", self.tables, TABLES)
        _require_known("--samplers", self.samplers, tuple(CONTENDERS))
        for option, value in (
            ("--seeds", self.num_seeds),
            ("--budget", self.budget),
            ("--workers", self.workers),
        ):
            if value < 1:
                raise OptionError(f"{option} {value}: give at least 1")
        if self.first_seed < 0:
            raise OptionError(f"--first-seed {self.first_seed}: give at least 0")

    @property
    def marks(self) -> tuple[int, ...]:
        """Trainings after which shares are reported; the last is the budget."""
        return (*(mark for mark in MARKS if mark < self.budget), self.budget)

    @property
    def seeds(self) -> range:
        """Every sampler runs all of them."""
        return range(self.first_seed, self.first_seed + self.num_seeds)

    @property
    def num_races(self) -> int:
        """How many there are to run."""
        return len(self.tables) * len(self.samplers) * self.num_seeds


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """What came of it, and where it was written."""

    lines: tuple[Line, ...]
    marks: tuple[int, ...]
    csv: Path
    plot: Path


def run_bench(
    settings: BenchSettings, *, on_race: Callable[[Race], None] = lambda race: None
) -> BenchReport:
    """Run what is not on disk yet, then report it all; interrupt and repeat as you like.

    `on_race` is told of each race when it is done. Raises DataError where a table is missing.
    """
    outcomes = {table: _race_all(settings, table, on_race) for table in settings.tables}
    lines = [
        line
        for table, by_sampler in outcomes.items()
        for line in summarize(table, by_sampler, settings.marks)
    ]
    csv_path, plot_path = settings.out / "bench.csv", settings.out / "bench.png"
    _write_csv(csv_path, lines)
    title = f"{settings.workers} asynchronous workers, {settings.num_seeds} seeds"
    plot_bench(plot_path, outcomes, title=f"{title}; bands: standard error")
    return BenchReport(lines=tuple(lines), marks=settings.marks, csv=csv_path, plot=plot_path)


def _race_all(
    settings: BenchSettings, name: str, on_race: Callable[[Race], None]
) -> dict[str, list[Outcome]]:
    """A table's races by sampler, in the order of seeds."""
    table = load_table(name)
    store = Cache(settings.out / "races")
    outcomes: dict[str, list[Outcome]] = {sampler: [] for sampler in settings.samplers}
    for seed in settings.seeds:
        for sampler in settings.samplers:
            race = Race(
                table=name,
                sampler=sampler,
                seed=seed,
                budget=settings.budget,
                workers=settings.workers,
            )
            version = " ".join((contender_version(sampler), table.version)).strip()
            finish = store.load(race, version)
            if finish is None:
                store.store(run_race(race, table), version)
                finish = store.load(race, version)
                assert finish is not None, "it was stored just now"
            outcomes[sampler].append(measure(finish, table))
            on_race(race)
    return outcomes


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


def _write_csv(path: Path, lines: list[Line]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(asdict(lines[0]))
        for line in lines:
            writer.writerow(
                " ".join(map(_text, value)) if isinstance(value, tuple) else _text(value)
                for value in asdict(line).values()
            )


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
