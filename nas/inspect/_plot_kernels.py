"""kernels.png: depthwise kernels by stage, framed in the colour of what they look like."""

from __future__ import annotations

from itertools import groupby
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_rgb

from nas.inspect._groups import kernel_groups
from nas.inspect._prototypes import LABELS, prototypes
from nas.inspect._style import COLORS, FAINT, NAMES, SMALL, save_picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from nas.inspect._depthwise import KernelLayer
    from nas.inspect._groups import KernelGroup

    Pixels = np.ndarray[Any, np.dtype[np.float32]]

KERNELS_A_LAYER = 32
LAYERS_A_SECTION = 12
_TILES_A_ROW, _LAYERS_A_ROW = 8, 4
_CAPTION_LETTERS = 36
_PIXELS_A_TILE, _FRAME, _GAP = 41, 3, 2
# All in inches.
_WIDTH, _LEFT, _MARGIN = 13.0, 2.75, 0.2
_TOP, _CAPTION, _SPACE, _GROUP = 1.15, 0.24, 0.16, 0.62


def plot_kernels(path: Path, layers: Sequence[KernelLayer], *, title: str) -> None:
    """Draw the kernels of `layers`, of which there is at least one, into a PNG.

    Each is scaled to its largest weight, and turned to its prototype's sign. Where there are more
    than `KERNELS_A_LAYER` they are a sample with the shares of the whole.

    Raises:
        RunFolderError: the file cannot be written.
    """
    bands = [list(own) for _, own in groupby(layers, key=lambda layer: layer.section)]
    heights = [_band_height(band) for band in bands]
    total = _TOP + sum(heights) + _MARGIN

    def draw(figure: Figure) -> None:
        _Sheet(figure, total).draw(title, bands, heights)

    save_picture(path, (_WIDTH, total), draw)


def _shown(band: Sequence[KernelLayer]) -> list[KernelLayer]:
    """The layers of a section that are drawn: all, or as many as fit, evenly picked."""
    if len(band) <= LAYERS_A_SECTION:
        return list(band)
    picked = np.linspace(0, len(band) - 1, LAYERS_A_SECTION).round().astype(int)
    return [band[index] for index in picked]


def _cell() -> float:
    return (_WIDTH - _LEFT - _MARGIN) / _LAYERS_A_ROW


def _rows(band: Sequence[KernelLayer]) -> list[list[KernelLayer]]:
    shown = _shown(band)
    return [shown[at : at + _LAYERS_A_ROW] for at in range(0, len(shown), _LAYERS_A_ROW)]


def _row_height(row: Sequence[KernelLayer]) -> float:
    """Caption and tiles of the layer with the most kernels."""
    most = max(min(len(layer.labels), KERNELS_A_LAYER) for layer in row)
    tile = (_cell() - _SPACE) / _TILES_A_ROW
    return _CAPTION + tile * ceil(most / _TILES_A_ROW) + _SPACE


def _band_height(band: Sequence[KernelLayer]) -> float:
    beside = 0.45 + _GROUP * len(kernel_groups(band))
    return max(sum(_row_height(row) for row in _rows(band)), beside) + 0.12


class _Sheet:
    """Places things on a figure by inches from its upper left corner."""

    def __init__(self, figure: Figure, height: float) -> None:
        self.figure = figure
        self.height = height

    def draw(
        self, title: str, bands: Sequence[Sequence[KernelLayer]], heights: Sequence[float]
    ) -> None:
        self._text(_MARGIN, 0.3, title, weight="bold", size=12)
        self._legend()
        top = _TOP
        for band, height in zip(bands, heights, strict=True):
            self._rule(top - 0.07)
            self._side(band, top)
            self._band(band, top)
            top += height

    def _band(self, band: Sequence[KernelLayer], top: float) -> None:
        for row in _rows(band):
            for column, layer in enumerate(row):
                left = _LEFT + column * _cell()
                self._text(left, top + 0.1, _caption(layer), size=SMALL, color=FAINT)
                picture = _mosaic(layer)
                width = (_cell() - _SPACE) * picture.shape[1] / (_TILES_A_ROW * _PIXELS_A_TILE)
                height = width * picture.shape[0] / picture.shape[1]
                self._image(left, top + _CAPTION, width, height, picture)
            top += _row_height(row)

    def _side(self, band: Sequence[KernelLayer], top: float) -> None:
        """The section's name, and a bar of label shares for each of its groups."""
        self._text(_MARGIN, top + 0.14, band[0].section, weight="bold", size=13)
        hidden = len(band) - len(_shown(band))
        if hidden:
            note = f"{len(_shown(band))} of {len(band)} layers shown"
            self._text(1.1, top + 0.15, note, size=SMALL, color=FAINT)
        for number, group in enumerate(kernel_groups(band)):
            self._bar(group, top + 0.42 + number * _GROUP)

    def _bar(self, group: KernelGroup, top: float) -> None:
        kind = "fixed" if group.fixed else "kernels"
        label = f"{group.title} · {group.num_kernels:,} {kind}"
        self._text(_MARGIN, top, label, size=SMALL, color=FAINT)
        axes = self._axes(_MARGIN, top + 0.12, _LEFT - _MARGIN - 0.4, 0.26)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        left = 0.0
        for label_name, share in group.shares.items():
            axes.barh(0.5, share, 1, left, color=COLORS[label_name])
            if share >= 0.14:
                color = "black" if label_name == "other" else "white"
                axes.text(
                    left + share / 2, 0.47, f"{100 * share:.0f} %", color=color, size=SMALL,
                    ha="center", va="center",
                )  # fmt: skip
            left += share

    def _legend(self) -> None:
        names, bank = prototypes(3)
        left = _MARGIN
        for label in LABELS:
            tiles = [
                _tile(kernel.numpy(), COLORS[label])
                for name, kernel in zip(names, bank, strict=True)
                if name == label
            ]
            if tiles:
                picture = np.concatenate(tiles, axis=1)
                width = 0.3 * len(tiles)
                self._image(left, 0.52, width, 0.3, picture)
            else:
                width = 0.3
                self._image(left, 0.52, width, 0.3, _tile(None, COLORS[label]))
            left += width + 0.08
            self._text(left, 0.67, NAMES[label], size=10)
            left += 0.085 * len(NAMES[label]) + 0.35
        note = "white positive, grey zero, black negative"
        self._text(left, 0.67, note, size=SMALL, color=FAINT)

    def _axes(self, left: float, top: float, width: float, height: float) -> Any:
        box = (
            left / _WIDTH, 1 - (top + height) / self.height,
            width / _WIDTH, height / self.height,
        )  # fmt: skip
        axes = self.figure.add_axes(box)
        axes.axis("off")
        return axes

    def _image(
        self, left: float, top: float, width: float, height: float, picture: Pixels
    ) -> None:
        axes = self._axes(left, top, width, height)
        axes.imshow(picture, interpolation="nearest", aspect="auto")

    def _text(self, left: float, top: float, text: str, **style: Any) -> None:
        self.figure.text(left / _WIDTH, 1 - top / self.height, text, va="center", **style)

    def _rule(self, top: float) -> None:
        axes = self._axes(_MARGIN, top, _WIDTH - 2 * _MARGIN, 0.01)
        axes.axhline(0.5, color="#d5dbe1", linewidth=0.8)


def _caption(layer: KernelLayer) -> str:
    stride = f", stride {layer.stride}" if layer.stride > 1 else ""
    kind = ", fixed" if layer.fixed else ""
    count = f" · {len(layer.labels)} kernels"
    title = layer.title.removesuffix(".filters") + stride + kind
    room = _CAPTION_LETTERS - len(count)
    return (title if len(title) <= room else f"{title[: room - 1]}…") + count


def _mosaic(layer: KernelLayer) -> Pixels:
    """(H, W, 3): kernels in rows, label by label, the clearest of each first."""
    order = sorted(
        range(len(layer.labels)),
        key=lambda one: (LABELS.index(layer.labels[one]), -abs(float(layer.cosines[one]))),
    )
    count = min(len(order), KERNELS_A_LAYER)
    # In the middle of equal slices: a small share is neither lost nor doubled.
    picked = [order[int((place + 0.5) * len(order) / count)] for place in range(count)]
    tiles = [
        _tile(
            (layer.kernels[one] * (-1 if layer.cosines[one] < 0 else 1)).numpy(),
            COLORS[layer.labels[one]],
        )
        for one in picked
    ]
    blank = np.ones_like(tiles[0])
    tiles += [blank] * (-len(tiles) % _TILES_A_ROW if len(tiles) > _TILES_A_ROW else 0)
    columns = min(len(tiles), _TILES_A_ROW)
    rows = [
        np.concatenate(tiles[at : at + columns], axis=1) for at in range(0, len(tiles), columns)
    ]
    return np.concatenate(rows)


def _tile(kernel: Any, color: str) -> Pixels:
    """(P, P, 3): a kernel in grey on a coloured frame, white around it; None: the frame alone."""
    tile = np.ones((_PIXELS_A_TILE, _PIXELS_A_TILE, 3), dtype=np.float32)
    edge = slice(_GAP // 2, _PIXELS_A_TILE - _GAP // 2)
    tile[edge, edge] = to_rgb(color)
    side = _PIXELS_A_TILE - _GAP - 2 * _FRAME
    inside = slice(_GAP // 2 + _FRAME, _GAP // 2 + _FRAME + side)
    if kernel is None:
        tile[inside, inside] = 1
        return tile
    grey = 0.5 + 0.5 * kernel / max(float(np.abs(kernel).max()), 1e-12)
    place = np.arange(side) * len(kernel) // side
    tile[inside, inside] = grey[np.ix_(place, place)][:, :, None]
    return tile
