"""Samplers judged on tables of finished trainings: many seeds, seconds each, nothing trained."""

from nas.bench._bench import TABLES, BenchReport, BenchSettings, load_table, run_bench
from nas.bench._measures import TARGETS, Outcome, measure, picked_ceiling
from nas.bench._race import Finish, Race, run_race
from nas.bench._summary import Line, summarize
from nas.bench._table import Row, Table, nasbench201

__all__ = [
    "TABLES",
    "TARGETS",
    "BenchReport",
    "BenchSettings",
    "Finish",
    "Line",
    "Outcome",
    "Race",
    "Row",
    "Table",
    "load_table",
    "measure",
    "nasbench201",
    "picked_ceiling",
    "run_bench",
    "run_race",
    "summarize",
]
