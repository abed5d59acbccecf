"""How long a network takes for one image: measured as it would be deployed, or predicted."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nas.latency._cache import LatencyCache
from nas.latency._record import DEVICES, INPUT_SHAPE, DeviceKind, Latency, Workload
from nas.latency._reference import REFERENCE
from nas.latency._rounds import Comparison, Rules, compare, median_interval

if TYPE_CHECKING:
    from nas.latency._calibrate import (
        Calibration,
        calibrate,
        load_calibration,
        measure_parts,
        random_workloads,
    )
    from nas.latency._deploy import OPSET, Deployed, deploy, deployable, export_onnx
    from nas.latency._measure import measure_latency
    from nas.latency._meter import LatencyMeter
    from nas.latency._parts import PartTable, parts_of
    from nas.latency._predictor import PredictionError, Predictor

__all__ = [
    "DEVICES",
    "INPUT_SHAPE",
    "OPSET",
    "REFERENCE",
    "Calibration",
    "Comparison",
    "Deployed",
    "DeviceKind",
    "Latency",
    "LatencyCache",
    "LatencyMeter",
    "PartTable",
    "PredictionError",
    "Predictor",
    "Rules",
    "Workload",
    "calibrate",
    "compare",
    "deploy",
    "deployable",
    "export_onnx",
    "load_calibration",
    "measure_latency",
    "measure_parts",
    "median_interval",
    "parts_of",
    "random_workloads",
]

_ON_DEMAND = {
    "Calibration": "_calibrate",
    "OPSET": "_deploy",
    "Deployed": "_deploy",
    "LatencyMeter": "_meter",
    "PartTable": "_parts",
    "PredictionError": "_predictor",
    "Predictor": "_predictor",
    "calibrate": "_calibrate",
    "deploy": "_deploy",
    "deployable": "_deploy",
    "export_onnx": "_deploy",
    "load_calibration": "_calibrate",
    "measure_latency": "_measure",
    "measure_parts": "_calibrate",
    "parts_of": "_parts",
    "random_workloads": "_calibrate",
}


def __getattr__(name: str) -> Any:
    """Load what needs torch or scipy when it is first asked for."""
    if name not in _ON_DEMAND:
        raise AttributeError(f"module 'nas.latency' has no attribute '{name}'")
    return getattr(import_module(f"nas.latency.{_ON_DEMAND[name]}"), name)
