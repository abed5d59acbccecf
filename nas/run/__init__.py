"""A search from beginning to end: settings, run folder, loop, results."""

from __future__ import annotations

from nas.run._document import document_of
from nas.run._folder import RunFolder
from nas.run._ladders import default_ladder, parse_ladder
from nas.run._latency import FrontLatency, front_latencies
from nas.run._quantized import QuantizedMember, quantize_front
from nas.run._results import PICKS, RunReport, export_run, report_run
from nas.run._search import Outcome, run_search
from nas.run._session import ProxyFactory, Session, create_session, open_session
from nas.run._settings import SearchSettings, WorkerConfig, parse_workers
from nas.run._views import documents_of, watch, write_comparison, write_views

__all__ = [
    "PICKS",
    "FrontLatency",
    "Outcome",
    "WorkerConfig",
    "ProxyFactory",
    "QuantizedMember",
    "RunFolder",
    "RunReport",
    "SearchSettings",
    "Session",
    "create_session",
    "document_of",
    "documents_of",
    "watch",
    "write_comparison",
    "write_views",
    "default_ladder",
    "export_run",
    "front_latencies",
    "open_session",
    "parse_ladder",
    "parse_workers",
    "quantize_front",
    "report_run",
    "run_search",
]
