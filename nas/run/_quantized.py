"""The networks of a run's front in 8 bits: files, sizes, and what accuracy is left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nas.model import build_model, load_weights
from nas.quantize import Int8Network, quantize_int8
from nas.report import front_rows
from nas.run._data import check_data, read_data
from nas.search import load_evaluations
from nas.sharing import materialize

if TYPE_CHECKING:
    from nas.report import FrontRow
    from nas.run._session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizedMember:
    """A network of the front, and the file that holds it in 8 bits."""

    row: FrontRow
    network: Int8Network
    path: Path


def quantize_front(session: Session) -> tuple[QuantizedMember, ...]:
    """Quantise every network of the front and write it into the run folder's `int8/`.

    Raises UserError where weights, data or the packages for it are missing.
    """
    settings, problem = session.settings, session.problem
    data = read_data(settings)
    check_data(settings.data, session.began_with, data)
    evaluations = load_evaluations(problem, session.address)
    archs = {evaluation.number: evaluation.arch for evaluation in evaluations}
    (session.folder.path / "int8").mkdir(exist_ok=True)
    made = []
    for row in front_rows(evaluations, problem.objectives, limits=problem.limits):
        model = build_model(
            archs[row.trial], in_channels=problem.input_shape[0], num_classes=problem.num_classes
        )
        load_weights(model, session.folder.read_weights(row.arch_id))
        materialize(model)
        network = quantize_int8(model, data, settings.fidelity)
        name = f"int8/{row.arch_id}.onnx"
        session.folder.write_bytes(name, network.onnx)
        made.append(QuantizedMember(row=row, network=network, path=session.folder.path / name))
    return tuple(made)
