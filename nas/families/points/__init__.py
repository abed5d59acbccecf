"""Point clouds: convolutions over the edges of a graph of nearest neighbours."""

from __future__ import annotations

from nas.components import Family
from nas.families.points import options

__all__ = ["FAMILY"]

# Without traces: how points find their neighbours is written once, in torch.
FAMILY = Family(name="points", options=(options.EdgeConv,), modules="nas.families.points.modules")
