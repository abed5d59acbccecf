"""Networks as ONNX files, and in 8 bits: what quantisation leaves of accuracy and size."""

from __future__ import annotations

from nas.latency import OPSET
from nas.quantize._aware import train_aware
from nas.quantize._graph import network_onnx
from nas.quantize._int8 import (
    CALIBRATION_IMAGES,
    WAYS,
    Int8Network,
    SeenImages,
    check_int8,
    quantize_int8,
    seen_images,
)
from nas.quantize._runtime import accuracy_of, open_session, run_onnx

__all__ = [
    "CALIBRATION_IMAGES",
    "OPSET",
    "WAYS",
    "Int8Network",
    "SeenImages",
    "accuracy_of",
    "check_int8",
    "network_onnx",
    "open_session",
    "quantize_int8",
    "run_onnx",
    "seen_images",
    "train_aware",
]
