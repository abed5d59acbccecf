"""Architecture -> a standalone PyTorch file, weights, ONNX, torch.export, a model card."""

from __future__ import annotations

from nas.export._card import Evidence
from nas.export._emit import Provenance, emit_module
from nas.export._inputs import Inputs
from nas.export._source import check_exportable
from nas.export._tflite import find_converter
from nas.export._write import Deployment, Exported, export_network

__all__ = [
    "Deployment",
    "Evidence",
    "Exported",
    "Inputs",
    "Provenance",
    "check_exportable",
    "emit_module",
    "export_network",
    "find_converter",
]
