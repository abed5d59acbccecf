"""Networks as ONNX files, and in 8 bits: what quantisation leaves of accuracy and size."""

from __future__ import annotations

from nas.latency import OPSET
from nas.quantize._aware import train_aware
from nas.quantize._graph import network_onnx
from nas.quantize._int8 import (
    CALIBRATION_IMAGES,
    WAYS,
    Int8Network,
    calibration_images,
    quantize_int8,
    validation_images,
)
from nas.quantize._runtime import accuracy_of, open_session, run_onnx

__all__ = [
    "CALIBRATION_IMAGES",
    "OPSET",
    "WAYS",
    "Int8Network",
    "accuracy_of",
    "calibration_images",
    "network_onnx",
    "open_session",
    "quantize_int8",
    "run_onnx",
    "train_aware",
    "validation_images",
]
