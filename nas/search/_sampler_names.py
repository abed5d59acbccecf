"""The samplers that a search can choose from, by name; nothing else is loaded here."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLERS: Mapping[str, str] = MappingProxyType(
    {
        "model": "expected hypervolume gain by exact costs and a Gaussian process of the error "
        "(default)",
        "evolution": "Pareto evolution over canonical architectures",
        "tpe": "Optuna's TPE, multivariate",
        "nsga2": "Optuna's NSGA-II",
        "random": "Optuna's random sampler",
    }
)
"""What `nas search --sampler` takes."""
