"""Images where every pixel has a class: what is true, and what a network makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from torch.nn import functional

from nas.train import IGNORED, Normalizer

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from nas.data import ImageData

SHOWN = 6
"""Images."""


def plot_masks(path: Path, model: torch.nn.Module, data: ImageData, *, title: str) -> None:
    """Draw validation images, their masks and the network's as a PNG.

    Args:
        path: The file.
        model: (B, C, H, W) -> (B, K, h, w) logits, in evaluation mode.
        data: Of the task segmentation.
        title: Above the picture.
    """
    images = data.val.first(SHOWN)
    guesses = _masks(model, images.pixels, data)
    figure = _figure(images.pixels, images.labels, guesses, data.class_names)
    figure.suptitle(title)
    figure.savefig(path, dpi=100, format="png")


def _masks(model: torch.nn.Module, pixels: Tensor, data: ImageData) -> Tensor:
    """(B, C, H, W) pixels -> (B, H, W) classes."""
    normalize = Normalizer(data.mean, data.std, pixels.device)
    with torch.inference_mode():
        logits = model(normalize(pixels))
    size: Any = pixels.shape[2:]
    return functional.interpolate(logits, size=size, mode="bilinear").argmax(1)


def _figure(pixels: Tensor, truth: Tensor, guesses: Tensor, names: tuple[str, ...]) -> Figure:
    figure = Figure(figsize=(1.5 * SHOWN, 5.2), layout="constrained")
    rows = figure.subplots(3, len(pixels), squeeze=False)
    palette = colormaps["tab20"].with_extremes(under="lightgrey")
    colours: dict[str, Any] = {"cmap": palette, "vmin": 0, "vmax": max(19, len(names) - 1)}
    for place in range(len(pixels)):
        image = pixels[place].float().movedim(0, 2)
        image = (image - image.min()) / (image.max() - image.min()).clamp(min=1e-8)
        plain = image[..., 0] if image.shape[2] != 3 else image
        rows[0][place].imshow(plain.numpy(), cmap="gray")
        for row, mask in ((1, truth[place]), (2, guesses[place])):
            held = mask.long()
            shown = rows[row][place].imshow(
                held.where(held != IGNORED, torch.tensor(-1)).numpy(), **colours
            )
    for row, title in zip(rows, ("image", "truth", "network"), strict=True):
        row[0].set_ylabel(title)
        for axes in row:
            axes.set(xticks=[], yticks=[])
    patches = [_patch(shown.cmap(shown.norm(number)), name) for number, name in enumerate(names)]
    figure.legend(handles=patches[:20], loc="outside lower center", ncols=6, fontsize="small")
    return figure


def _patch(colour: Any, name: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=colour, label=name)
