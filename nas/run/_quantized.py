"""The networks of a run's front in 8 bits: files, sizes, and what accuracy is left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.quantize import Int8Network, check_int8, quantize_int8
from nas.run._data import check_data, read_data
from nas.sharing import materialize

if TYPE_CHECKING:
    from nas.report import FrontRow
    from nas.run._run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizedMember:
    """A network of the front, and the file that holds it in 8 bits."""

    row: FrontRow
    network: Int8Network
    path: Path

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready form, without the network itself."""
        made = self.network
        return {
            "id": self.row.arch_id,
            "file": str(self.path),
            "fp32_accuracy": made.fp32_accuracy,
            "int8_accuracy": made.int8_accuracy,
            "fp32_bytes": made.fp32_bytes,
            "int8_bytes": made.int8_bytes,
            "remarks": list(made.remarks),
        }


def quantize_front(session: Run) -> tuple[QuantizedMember, ...]:
    """Quantise every network of the front and write it into the run folder's `int8/`.

    Raises UserError where weights, data or the packages for it are missing, and for tasks other
    than classification.
    """
    check_int8(session.settings.data_options.task)
    data = read_data(session.settings)
    check_data(session.settings.data, session.facts.data, data)
    (session.path / "int8").mkdir(exist_ok=True)
    made = []
    for row in session.front():
        model = row.model()
        materialize(model)
        network = quantize_int8(model, data, session.settings.fidelity)
        name = f"int8/{row.arch_id}.onnx"
        session.folder.write_bytes(name, network.onnx)
        made.append(QuantizedMember(row=row, network=network, path=session.folder.path / name))
    return tuple(made)
