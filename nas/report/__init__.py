"""What a search found, told to people: Pareto front, hypervolume, tables, pictures, progress.

Reads the records of `nas.trial` and nothing else: no torch, no Optuna, no Ray.
"""

from nas.report._build import SearchFacts, build_document
from nas.report._data_files import write_document_json, write_trials_csv
from nas.report._document import (
    Agreement,
    AxisEffect,
    Curve,
    Document,
    FinalTraining,
    MeasuredLatency,
    MetricColumn,
    Network,
    Progression,
)
from nas.report._files import replacing
from nas.report._finals import read_finals
from nas.report._front import (
    FrontRow,
    best_row,
    front_rows,
    knee_row,
    write_front_csv,
)
from nas.report._noise import noise_remarks
from nas.report._page import render_page, write_page
from nas.report._pareto import Axis, HypervolumeBox, knee, pareto_front
from nas.report._plot import (
    GREY,
    PICTURE_STYLE,
    draw_references,
    plot_front,
    scale_by_cost,
)
from nas.report._progress import Progress, Snapshot
from nas.report._references import Reference, references_for
from nas.report._report import Report, write_report
from nas.report._table import add_id_column, front_table
from nas.report._weights import weights_remarks

__all__ = [
    "GREY",
    "PICTURE_STYLE",
    "Agreement",
    "AxisEffect",
    "Curve",
    "Document",
    "FinalTraining",
    "MeasuredLatency",
    "MetricColumn",
    "Network",
    "Progression",
    "SearchFacts",
    "build_document",
    "Axis",
    "FrontRow",
    "HypervolumeBox",
    "Progress",
    "Reference",
    "Report",
    "Snapshot",
    "add_id_column",
    "best_row",
    "draw_references",
    "front_rows",
    "front_table",
    "knee",
    "knee_row",
    "noise_remarks",
    "pareto_front",
    "plot_front",
    "references_for",
    "scale_by_cost",
    "read_finals",
    "render_page",
    "weights_remarks",
    "write_document_json",
    "replacing",
    "write_front_csv",
    "write_page",
    "write_trials_csv",
    "write_report",
]
