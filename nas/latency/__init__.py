"""How long a network takes for one image: measured as it would be deployed, or predicted."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nas.latency._cache import LatencyCache
from nas.latency._record import DEVICES, INPUT_SHAPE, DeviceKind, Latency, Subject
from nas.latency._reference import REFERENCE
from nas.latency._rounds import Comparison, Rules, compare, median_interval

if TYPE_CHECKING:
    from nas.latency._deploy import Deployed, deploy, deployable, export_onnx
    from nas.latency._measure import measure_latency
    from nas.latency._meter import LatencyMeter

__all__ = [
    "DEVICES",
    "INPUT_SHAPE",
    "REFERENCE",
    "Comparison",
    "Deployed",
    "DeviceKind",
    "Latency",
    "LatencyCache",
    "LatencyMeter",
    "Rules",
    "Subject",
    "compare",
    "deploy",
    "deployable",
    "export_onnx",
    "measure_latency",
    "median_interval",
]

_NEED_TORCH = {
    "LatencyMeter": "nas.latency._meter",
    "Deployed": "nas.latency._deploy",
    "deploy": "nas.latency._deploy",
    "deployable": "nas.latency._deploy",
    "export_onnx": "nas.latency._deploy",
    "measure_latency": "nas.latency._measure",
}


def __getattr__(name: str) -> Any:
    """Load what needs torch when it is first asked for."""
    if name not in _NEED_TORCH:
        raise AttributeError(f"module 'nas.latency' has no attribute '{name}'")
    return getattr(import_module(_NEED_TORCH[name]), name)
