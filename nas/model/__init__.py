"""Architecture -> nn.Module."""

from __future__ import annotations

from nas.model._build import Network, SharedNetwork, build_model, instantiate

__all__ = ["Network", "SharedNetwork", "build_model", "instantiate"]
