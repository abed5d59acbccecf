"""What networks will reach in the end, told from short trainings of them.

A short training favours small networks: whatever learns slowly at first is lost. Errors fall about
as a power of the images seen, log(error) straight in log(images), and how steeply depends on the
network more than on chance. So the slope between two trainings of different lengths is regressed
on log parameters, log MACs and the kind of block over all networks that had both, which averages
chance out, and each network's last error is carried on by the slope of its like.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FLATTENING = 0.57
"""How steep a curve is in its next stretch, as a share of the stretch before: the mean of six
networks of 2.6k to 58k parameters between 12k, 110k and 825k images (.38 to .91)."""
_RIDGE = 4.0
"""Networks' worth of evidence that a feature makes no difference."""
_LEAST_ERROR = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a slope may depend on."""

    params: int
    macs: int
    family: str
    """The kind of block that most of its stages have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One network trained twice, the second time for longer."""

    features: Features
    images: tuple[int, int]
    """Training images seen, repeats included, in either training."""
    accuracies: tuple[float, float]

    @property
    def slope(self) -> float:
        """By how much log(error) fell for each e-fold of images."""
        fell = math.log(_error(self.accuracies[0]) / _error(self.accuracies[1]))
        return fell / math.log(self.images[1] / self.images[0])


class CurveModel:
    """Slopes of learning curves, regressed on what networks are like."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        """Fit; without any stretch, curves are taken to be flat."""
        self._families = tuple(sorted({one.features.family for one in stretches}))
        self._mean_slope = 0.0
        self._centre: NDArray[Any] = np.zeros(2)
        self._weights: NDArray[Any] = np.zeros(2)
        if not stretches:
            return
        slopes = np.array([one.slope for one in stretches])
        rows = np.array([self._row(one.features) for one in stretches])
        self._mean_slope, self._centre = float(slopes.mean()), rows.mean(0)
        centred = rows - self._centre
        penalised = centred.T @ centred + _RIDGE * np.eye(rows.shape[1])
        self._weights = np.linalg.solve(penalised, centred.T @ (slopes - self._mean_slope))

    def slope(self, features: Features) -> float:
        """Of networks like this one, over the stretch that was seen; never below 0."""
        known = self._row(features) - self._centre
        return max(0.0, self._mean_slope + float(known @ self._weights))

    def predict(self, features: Features, accuracy: float, images: int, target: int) -> float:
        """Accuracy after `target` images, of a network that has `accuracy` after `images`."""
        if target <= images:
            return accuracy
        slope = FLATTENING * self.slope(features)
        return 1 - _error(accuracy) * float((target / images) ** -slope)

    def _row(self, features: Features) -> NDArray[np.float64]:
        kinds = [float(features.family == one) for one in self._families]
        return np.array([math.log(features.params), math.log(features.macs), *kinds])


def _error(accuracy: float) -> float:
    return max(_LEAST_ERROR, 1 - accuracy)
