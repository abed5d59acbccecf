"""Samplers judged on tables of finished trainings: many seeds, seconds each, nothing trained."""

from nas.bench._bench import TABLES, BenchReport, BenchSettings, load_table, run_bench
from nas.bench._contenders import CONTENDERS, SamplerSetup
from nas.bench._measures import TARGETS, Metrics, measure, picked_ceiling
from nas.bench._run import BenchRun, Trace, answer_from, run_bench_search
from nas.bench._summary import SummaryRow, summarize
from nas.bench._table import Row, Table, lru_vgnet_small, make_trained_table, nasbench201
from nas.bench._trainings import (
    DATA,
    RUNGS,
    SEEDS,
    Training,
    all_networks,
    answer_from_curves,
    append_training,
    read_trainings,
    table_problem,
    train_on_all_rungs,
    trainings_path,
)

__all__ = [
    "CONTENDERS",
    "DATA",
    "RUNGS",
    "SEEDS",
    "TABLES",
    "TARGETS",
    "BenchReport",
    "BenchRun",
    "BenchSettings",
    "SamplerSetup",
    "Metrics",
    "Row",
    "SummaryRow",
    "Table",
    "Trace",
    "Training",
    "all_networks",
    "answer_from",
    "answer_from_curves",
    "append_training",
    "load_table",
    "lru_vgnet_small",
    "make_trained_table",
    "measure",
    "nasbench201",
    "picked_ceiling",
    "read_trainings",
    "run_bench",
    "run_bench_search",
    "summarize",
    "table_problem",
    "train_on_all_rungs",
    "trainings_path",
]
