"""What is measured, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from nas.arch import Architecture

DeviceKind = Literal["cpu", "cuda"]
DEVICES: tuple[DeviceKind, ...] = ("cpu", "cuda")
INPUT_SHAPE = (3, 224, 224)
"""Channels, height and width of an image where nothing else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A network for images of one shape."""

    arch: Architecture
    input_shape: tuple[int, int, int] = INPUT_SHAPE
    """Channels, height, width of the one image of the batch, as the network sees it."""
    num_classes: int = 1000

    def __post_init__(self) -> None:
        """Images are resized where the network says so."""
        object.__setattr__(self, "input_shape", self.arch.input_shape(self.input_shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """One network's latency at batch 1 on one thread, beside the reference network's."""

    latency_ms: float
    """Median over rounds."""
    reference_ms: float
    """The reference network's in the same rounds."""
    ratio: float
    """Median over rounds of network by reference: steadier than milliseconds on a busy machine."""
    ratio_low: float
    ratio_high: float
    """The 95 % interval of that median."""
    rounds: int
    """Rounds that count."""
    rejected: int
    """Rounds in which the reference moved."""
    noisy: bool
    """Whether measuring ended before the interval was narrow enough."""
    core_share: float
    """Share of the time in which the measuring thread had its core; 1 when left alone."""
    device: str
    """Model of the processor or GPU."""
    runtime: str
    """What ran the network, with its version."""

    @property
    def spread(self) -> float:
        """Width of the ratio's interval, as a share of the ratio."""
        return (self.ratio_high - self.ratio_low) / self.ratio
