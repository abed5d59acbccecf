"""What a search measured of its data and its space before it began: a part of `search.json`."""

from __future__ import annotations

from dataclasses import dataclass

from nas.data import DataFingerprint

MAX_SIDE = 2**31
"""Of images and signals: no array has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """The data's shape and fingerprint, ranges of costs, and what a probe of the space found."""

    input_shape: tuple[int, int, int]
    """(C, H, W)."""
    num_classes: int
    mean: tuple[float, ...]
    """Of each channel over the training images, as the next."""
    std: tuple[float, ...]
    bounded: bool
    """Whether pixels are in [0, 1]."""
    data: DataFingerprint
    chance: float
    """Accuracy of always giving the most frequent class, in [0, 1]."""
    train_images: int
    val_images: int
    cost_ranges: tuple[tuple[str, float, float], ...]
    """Metric, least and most that random networks cost."""
    start: tuple[int, ...]
    """A feasible genome."""
    legal: int
    """Of the settings probed, those that describe a network, as the next."""
    feasible: int
    """Those within the limits."""
    probe: int
    """Settings probed."""
    space_digest: str
    """Of the model file's text."""

    def __post_init__(self) -> None:
        """Raise ValueError on what no data have."""
        if not all(1 <= size <= MAX_SIDE for size in self.input_shape):
            raise ValueError(f"input_shape {self.input_shape}: no such data")
        if self.num_classes != len(self.data.class_names):
            raise ValueError(f"num_classes {self.num_classes}: not those of the data")
        if min(self.train_images, self.val_images) < 1:
            raise ValueError("train_images and val_images: no search had none")
        if not len(self.mean) == len(self.std) == self.input_shape[0]:
            raise ValueError("mean and std have not one value a channel")
