"""Architecture -> nn.Module."""

from __future__ import annotations

from nas.families import instantiate
from nas.model._build import Network, SharedNetwork, build_model
from nas.model._weights import load_weights, save_weights

__all__ = [
    "Network",
    "SharedNetwork",
    "build_model",
    "instantiate",
    "load_weights",
    "save_weights",
]
