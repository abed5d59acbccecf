"""Latency of a network that was not measured: the sum of its parts, corrected.

Parts are measured one by one, so each brings the overhead of a run and of handing its map over,
and its weights are in the cache. The correction, learned from whole networks, takes that back.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nas.latency._estimate import PartEstimator
from nas.latency._layers import part_terms
from nas.latency._parts import parts_of
from nas.latency._tags import part_tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nas.latency._parts import Part, PartTable
    from nas.latency._record import Latency, Workload

    Array = NDArray[np.float64]

SUM_ALONE = np.array([0.0, 1.0, 0.0, 0.0, 0.0])
"""The correction of which nothing is known."""
RIDGE = 0.02
"""How strongly the correction is drawn to `SUM_ALONE`."""
GOOD = 0.10
"""An error up to which a prediction counts as good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionError:
    """How far predictions of networks were off that had no part in learning."""

    networks: int
    good_share: float
    """Share of them within 10 %."""
    median: float
    """Median absolute error, as a share of the latency."""
    p95: float
    """95th percentile of the same."""

    @classmethod
    def of(cls, predicted: Sequence[float], measured: Sequence[float]) -> PredictionError:
        """Errors of pairs of latencies, or of pairs of ratios."""
        errors = np.abs(np.array(predicted) / np.array(measured) - 1)
        return cls(
            networks=len(errors),
            good_share=float(np.mean(errors <= GOOD)),
            median=float(np.median(errors)),
            p95=float(np.percentile(errors, 95)),
        )


class Predictor:
    """Predicts ratios to the reference network from a table of parts and a correction."""

    def __init__(self, table: PartTable, correction: Sequence[float] = tuple(SUM_ALONE)) -> None:
        """`table` must not be empty."""
        self.table, self.correction = table, tuple(correction)
        self._estimator = PartEstimator(table.entries.values())
        # A network is parts, and at least one run: nothing is faster than the cheapest part.
        self._least_ratio = min(entry.ratio for entry in table.entries.values())
        self._ratios: dict[Part, float] = {}

    def ratio(self, workload: Workload) -> float:
        """Predicted ratio of a network, at least that of the cheapest part measured.

        Takes tens of microseconds where the parts are known. Raises IllegalArchitecture.
        """
        return max(float(self.features(workload) @ self.correction), self._least_ratio)

    def features(self, workload: Workload) -> Array:
        """What the correction weighs: 1, sum of parts, parts, layers, millions of weights."""
        total = layers = weights = 0.0
        parts = parts_of(workload)
        for part in parts:
            total += self.part_ratio(part)
            terms = part_terms(*part)
            layers += terms[:, 0].sum()
            weights += terms[:, 3].sum()
        return np.array([1.0, total, len(parts), layers / 10, weights / 1e6])

    def part_ratio(self, part: Part) -> float:
        """A part's ratio: as measured, else estimated from parts that were."""
        if part not in self._ratios:
            found = self.table.find(part)
            if found is None:
                tags = part_tags(part[0])
                found = self._estimator.ratio(part_terms(*part), part[1], tags)
            self._ratios[part] = found
        return self._ratios[part]

    def learn(
        self, workloads: Sequence[Workload], latencies: Sequence[Latency]
    ) -> tuple[Predictor, PredictionError]:
        """This predictor with a correction learned from whole networks, and its error.

        The error is that of leaving each network out in turn. It holds for further networks of
        the kind if the table was not made from these.
        """
        features = np.array([self.features(workload) for workload in workloads])
        ratios = np.array([latency.ratio for latency in latencies])
        trust = np.array([1 / (1 + (latency.spread / 0.03) ** 2) for latency in latencies])
        everyone = np.arange(len(ratios))
        left_out = [
            features[one] @ _correction(features, ratios, trust, everyone != one)
            for one in everyone
        ]
        learned = copy(self)
        learned.correction = tuple(_correction(features, ratios, trust, everyone >= 0).tolist())
        return learned, PredictionError.of(left_out, ratios.tolist())


def _correction(features: Array, ratios: Array, trust: Array, chosen: NDArray[np.bool_]) -> Array:
    """Weights of the features with the least relative error, drawn to the sum alone."""
    relative = features[chosen] / ratios[chosen, None] * np.sqrt(trust[chosen, None])
    target = np.sqrt(trust[chosen])
    scale = np.maximum(np.sqrt((relative**2).mean(axis=0)), 1e-9)
    scaled = relative / scale
    prior = SUM_ALONE * scale
    strength = RIDGE * np.eye(len(scale))
    weights: Array = np.linalg.solve(
        scaled.T @ scaled + strength, scaled.T @ target + strength @ prior
    )
    unscaled: Array = weights / scale
    return unscaled
