"""What networks are judged by: one table, from which all that shows or limits a metric follows.

Objectives, limits, command-line flags, columns of CSV files and tables, axes of plots: each asks
this table. A metric of one's own enters by `register_metric`, and is then as good as these.
"""

from nas.metrics._limit import Limit, limit_of
from nas.metrics._metric import Direction, Metric, Source, Style
from nas.metrics._objectives import (
    check_measured,
    check_task,
    custom_metrics,
    parse_objectives,
    score_of,
)
from nas.metrics._table import METRICS, find_metric, register_metric

__all__ = [
    "METRICS",
    "Direction",
    "Limit",
    "Metric",
    "Source",
    "Style",
    "check_measured",
    "check_task",
    "custom_metrics",
    "find_metric",
    "limit_of",
    "parse_objectives",
    "register_metric",
    "score_of",
]
