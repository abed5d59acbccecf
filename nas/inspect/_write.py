"""What an inspection leaves behind: pictures, figures, and a space to search."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from nas.errors import RunFolderError
from nas.inspect._depthwise import label_shares
from nas.inspect._maps import NEAR
from nas.inspect._plot_kernels import plot_kernels
from nas.inspect._plot_maps import plot_similarity
from nas.inspect._plot_rings import plot_rings
from nas.inspect._prototypes import THRESHOLD
from nas.inspect._suggest import MIN_CKA, MIN_FIXED, MIN_IDENTITY, open_space, suggest

if TYPE_CHECKING:
    from pathlib import Path

    from nas.inspect._depthwise import KernelLayer
    from nas.inspect._inspection import Inspection
    from nas.inspect._maps import MapChange, MapGroup
    from nas.inspect._ring_use import RingUse
    from nas.inspect._suggest import Suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The files of one inspection, and what they suggest."""

    files: tuple[Path, ...]
    suggestions: tuple[Suggestion, ...]


def write_inspection(folder: Path, inspection: Inspection) -> Written:
    """Write what there is of kernels.png, similarity.png, rings.png, and inspect.json.

    With suggestions also opened.yaml: the network with the suggested values open.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    suggestions = suggest(inspection)
    title = f"{inspection.arch.name} ({inspection.arch.id}), {inspection.weights}"
    files: list[Path] = []
    if inspection.layers:
        files.append(folder / "kernels.png")
        plot_kernels(files[-1], inspection.layers, title=f"Depthwise kernels of {title}")
    if inspection.groups:
        files.append(folder / "similarity.png")
        plot_similarity(
            files[-1],
            inspection.groups,
            inspection.changes,
            title=f"Similarity of the feature maps of {title}",
        )
    if inspection.rings:
        files.append(folder / "rings.png")
        plot_rings(files[-1], inspection.rings, title=f"Parameter rings of {title}")
    files.append(folder / "inspect.json")
    _write_text(files[-1], json.dumps(to_plain(inspection, suggestions), indent=2) + "\n")
    if suggestions:
        files.append(folder / "opened.yaml")
        _write_text(files[-1], _opened(inspection, suggestions))
    return Written(files=tuple(files), suggestions=suggestions)


def to_plain(inspection: Inspection, suggestions: tuple[Suggestion, ...]) -> dict[str, Any]:
    """The figures, JSON-ready."""
    return {
        "name": inspection.arch.name,
        "id": inspection.arch.id,
        "weights": inspection.weights,
        "images": inspection.images,
        "accuracy": round(inspection.accuracy, 4),
        "thresholds": {
            "kernel_cosine": THRESHOLD,
            "near_copy_correlation": NEAR,
            "suggest_identity_share": MIN_IDENTITY,
            "suggest_fixed_share": MIN_FIXED,
            "suggest_cka": MIN_CKA,
        },
        "depthwise": [_plain_layer(layer) for layer in inspection.layers],
        "cka": [_plain_group(group) for group in inspection.groups],
        "changes": [_plain_change(change) for change in inspection.changes],
        "rings": [_plain_ring(ring) for ring in inspection.rings],
        "suggestions": [
            {"path": one.path, **one.choice, "because": one.because} for one in suggestions
        ],
    }


def _plain_layer(layer: KernelLayer) -> dict[str, Any]:
    return {
        "section": layer.section,
        "part": layer.title,
        "module": layer.name,
        "stride": layer.stride,
        "kernel_size": layer.kernels.shape[-1],
        "kernels": len(layer.labels),
        "fixed": layer.fixed,
        "shares": {name: round(share, 4) for name, share in label_shares([layer]).items()},
    }


def _plain_group(group: MapGroup) -> dict[str, Any]:
    return {
        "height": group.side[0],
        "width": group.side[1],
        "modules": [part.name for part in group.parts],
        "matrix": [[round(value, 4) for value in row] for row in group.cka.tolist()],
    }


def _plain_change(change: MapChange) -> dict[str, Any]:
    figures = {
        name: round(float(getattr(change, name)), 4)
        for name in ("copied", "near", "new", "dead", "cka")
    }
    place = {"section": change.part.section, "part": change.part.title}
    return {**place, "module": change.part.name, "channels": change.channels, **figures}


def _plain_ring(ring: RingUse) -> dict[str, Any]:
    uses, counts = torch.unique(ring.uses, return_counts=True)
    return {
        "elements": len(ring.values),
        "weights": int(ring.uses.sum()),
        "elements_by_uses": dict(zip(uses.tolist(), counts.tolist(), strict=True)),
        "mean_abs_value_by_uses": {
            use: round(ring.values[ring.uses == use].abs().mean().item(), 6)
            for use in uses.tolist()
        },
        "weights_by_section": dict(ring.readers),
    }


def _opened(inspection: Inspection, suggestions: tuple[Suggestion, ...]) -> str:
    lines = [
        f"# {inspection.arch.name} ({inspection.arch.id}) with values open, as an inspection "
        "suggested:",
        *(f"# - {one.path}: {one.because}" for one in suggestions),
    ]
    return "\n".join(lines) + "\n" + open_space(inspection.arch, suggestions)


def _write_text(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunFolderError(
            f"{path}: cannot be written: {error.strerror or error}; free space or name another "
            "folder with `out`"
        ) from error
