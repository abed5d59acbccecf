"""Writes an exported network into a folder, and checks that it computes what it should."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from nas.cost import cost_of
from nas.errors import NasError, RunFolderError
from nas.export._emit import emit_module
from nas.model import build_model, load_weights, save_weights
from nas.sharing import materialize
from nas.space import dump_architecture

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from nas.arch import Architecture
    from nas.export._emit import Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The files of one exported network."""

    module: Path
    model_file: Path
    weights: Path | None


def export_network(
    folder: Path,
    arch: Architecture,
    *,
    input_shape: tuple[int, int, int],
    num_classes: int,
    weights: bytes | None,
    provenance: Provenance,
    materialized: bool = False,
) -> Exported:
    """Write `NAME_ID.py`, `.yaml` and, given safetensors bytes, `.safetensors` into `folder`.

    The written file is run and compared: same parameters and bit-equal logits, or NasError.
    `materialized` writes the kernels that rings generate instead of the rings. Raises
    RunFolderError where the folder cannot be written.
    """
    input_shape = arch.input_shape(input_shape)
    stem = re.sub(r"\W", "_", f"{arch.name}_{arch.id}", flags=re.ASCII)
    files = Exported(
        module=folder / f"{stem}.py",
        model_file=folder / f"{stem}.yaml",
        weights=folder / f"{stem}.safetensors" if weights is not None else None,
    )
    provenance = replace(provenance, weights_file=files.weights.name if files.weights else None)
    model: nn.Module = build_model(
        arch, in_channels=input_shape[0], num_classes=num_classes
    ).eval()
    if weights is not None:
        load_weights(model, weights)
    if materialized and arch.is_shared:
        arch, model = _without_rings(arch, model, input_shape[0], num_classes)
    source = emit_module(
        arch, input_shape=input_shape, num_classes=num_classes, provenance=provenance
    )
    _verify(source, arch, model, input_shape, num_classes)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.module.write_text(source, encoding="utf-8")
        files.model_file.write_text(dump_architecture(arch), encoding="utf-8")
        if files.weights is not None:
            files.weights.write_bytes(save_weights(model))
    except OSError as error:
        raise RunFolderError(f"{folder}: cannot be written: {error.strerror}") from error
    return files


def _without_rings(
    arch: Architecture, model: nn.Module, in_channels: int, num_classes: int
) -> tuple[Architecture, nn.Module]:
    """The same function as an ordinary network: every layer has the kernel it read."""
    materialize(model)
    plain = arch.without_rings()
    dense = build_model(plain, in_channels=in_channels, num_classes=num_classes).eval()
    dense.load_state_dict(model.state_dict())
    return plain, dense


def _verify(
    source: str,
    arch: Architecture,
    model: nn.Module,
    input_shape: tuple[int, int, int],
    num_classes: int,
) -> None:
    namespace: dict[str, Any] = {"__name__": "exported"}
    exec(compile(source, "exported", "exec"), namespace)  # our own text, just written
    exported = namespace[_first_class(source)]()
    exported.load_state_dict(model.state_dict())
    exported.eval()
    images = torch.rand((2, *input_shape), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        equal = torch.equal(model(images), exported(images))
    params = sum(p.numel() for p in exported.parameters())
    expected = cost_of(arch, input_shape=input_shape, num_classes=num_classes).params
    if not equal or params != expected:
        raise NasError(f"the exported code of {arch.id} does not match the network it came from")


def _first_class(source: str) -> str:
    return next(node.name for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
