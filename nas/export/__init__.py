"""Architecture -> standalone PyTorch file, weights and model file."""

from __future__ import annotations

from nas.export._emit import Provenance, emit_module
from nas.export._write import Exported, export_network

__all__ = ["Exported", "Provenance", "emit_module", "export_network"]
