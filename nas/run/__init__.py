"""A search from beginning to end: settings, run folder, loop, results."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.run._api import fidelity_of, register, search
    from nas.run._create import Begun, create_run
    from nas.run._data import ProxyFactory, check_data
    from nas.run._folder import RunFolder
    from nas.run._ladders import default_ladder, parse_ladder
    from nas.run._latency import FrontLatency, front_latencies
    from nas.run._listing import RunLine, list_lines, list_summaries
    from nas.run._members import PICKS, FrontMember, find_network
    from nas.run._open import list_runs, open_run
    from nas.run._quantized import QuantizedMember, quantize_front
    from nas.run._repair import Repaired, repair_run
    from nas.run._results import RunReport, summary_of
    from nas.run._run import Run
    from nas.run._search import SearchOutcome, run_search
    from nas.run._settings import SearchSettings, WorkerConfig, parse_workers
    from nas.run._track import track_run
    from nas.run._views import documents_of, watch, write_comparison, write_views

__all__ = [
    "PICKS",
    "Begun",
    "FrontLatency",
    "FrontMember",
    "SearchOutcome",
    "ProxyFactory",
    "QuantizedMember",
    "Repaired",
    "Run",
    "RunFolder",
    "RunLine",
    "RunReport",
    "SearchSettings",
    "WorkerConfig",
    "check_data",
    "create_run",
    "default_ladder",
    "documents_of",
    "fidelity_of",
    "final_picks",
    "find_network",
    "front_latencies",
    "list_lines",
    "list_runs",
    "list_summaries",
    "open_run",
    "parse_ladder",
    "parse_workers",
    "quantize_front",
    "register",
    "repair_run",
    "run_search",
    "search",
    "summary_of",
    "track_run",
    "watch",
    "write_comparison",
    "write_views",
]

_HOMES = {
    "PICKS": "_members",
    "Begun": "_create",
    "FrontLatency": "_latency",
    "FrontMember": "_members",
    "SearchOutcome": "_search",
    "ProxyFactory": "_data",
    "QuantizedMember": "_quantized",
    "Repaired": "_repair",
    "Run": "_run",
    "RunFolder": "_folder",
    "RunLine": "_listing",
    "RunReport": "_results",
    "SearchSettings": "_settings",
    "WorkerConfig": "_settings",
    "check_data": "_data",
    "create_run": "_create",
    "default_ladder": "_ladders",
    "documents_of": "_views",
    "fidelity_of": "_api",
    "final_picks": "_picks",
    "find_network": "_members",
    "front_latencies": "_latency",
    "list_lines": "_listing",
    "list_runs": "_open",
    "list_summaries": "_listing",
    "open_run": "_open",
    "parse_ladder": "_ladders",
    "parse_workers": "_settings",
    "quantize_front": "_quantized",
    "register": "_api",
    "repair_run": "_repair",
    "run_search": "_search",
    "search": "_api",
    "summary_of": "_results",
    "track_run": "_track",
    "watch": "_views",
    "write_comparison": "_views",
    "write_views": "_views",
}


def __getattr__(name: str) -> Any:
    """Load a part when it is first asked for: settings are checked before torch is loaded."""
    if name not in _HOMES:
        raise AttributeError(f"module 'nas.run' has no attribute '{name}'")
    return getattr(import_module(f"nas.run.{_HOMES[name]}"), name)
