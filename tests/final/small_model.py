"""A network that trains in a moment, as a model file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TINY = """\
name: tiny
stem: {conv: {channels: 8, stride: 2}}
stages:
  - channels: 12
    depth: 1
    stride: 2
    transition: {conv: {groups: 1}}
    block: {half_identity: {identity_ratio: 0.5}}
head: {gap_linear: {dropout: 0.1}}
"""

QUICK = """\
name: quick
epochs: 3
batch_size: 32
optimizer: {name: adamw, rate: 0.02}
schedule: {shape: cosine, warm_up: 0.1}
augmentation: {flip: false, mixup: 0.1, mix_share: 0.3, erasing: 0.1}
regularization: {ema: 0.9}
"""
"""Everything that draws at random is in it, and everything that a checkpoint must keep."""


def write_files(folder: Path) -> tuple[str, str]:
    """Paths of the model file and the recipe."""
    model, recipe = folder / "tiny.yaml", folder / "quick.yaml"
    model.write_text(TINY)
    recipe.write_text(QUICK)
    return str(model), str(recipe)


def weights_of(folder: Path) -> bytes:
    return (folder / "weights.safetensors").read_bytes()
