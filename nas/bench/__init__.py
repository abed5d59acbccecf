"""Samplers judged on tables of finished trainings: many seeds, seconds each, nothing trained."""

from nas.bench._bench import TABLES, BenchReport, BenchSettings, load_table, run_bench
from nas.bench._measures import TARGETS, Outcome, measure, picked_ceiling
from nas.bench._race import Finish, Race, run_race
from nas.bench._summary import Line, summarize
from nas.bench._table import Row, Table, lru_vgnet_small, make_trained_table, nasbench201
from nas.bench._trainings import (
    DATA,
    RUNGS,
    SEEDS,
    Training,
    all_networks,
    append_training,
    read_trainings,
    table_problem,
    train_on_all_rungs,
    trainings_path,
)

__all__ = [
    "DATA",
    "RUNGS",
    "SEEDS",
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
    "Training",
    "all_networks",
    "append_training",
    "load_table",
    "lru_vgnet_small",
    "make_trained_table",
    "measure",
    "nasbench201",
    "picked_ceiling",
    "read_trainings",
    "run_bench",
    "run_race",
    "summarize",
    "table_problem",
    "train_on_all_rungs",
    "trainings_path",
]
