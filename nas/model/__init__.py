"""Architecture -> nn.Module."""

from __future__ import annotations

from nas.families import instantiate
from nas.model._build import Network, Outputs, SharedNetwork, build_model, joined
from nas.model._weights import load_weights, save_weights

__all__ = [
    "Network",
    "Outputs",
    "SharedNetwork",
    "build_model",
    "instantiate",
    "joined",
    "load_weights",
    "save_weights",
]
