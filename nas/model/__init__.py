"""Architecture -> nn.Module."""

from __future__ import annotations

from nas.model._build import Network, build_model, instantiate

__all__ = ["Network", "build_model", "instantiate"]
