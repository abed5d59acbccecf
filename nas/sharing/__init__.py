"""Parameter rings: layers whose kernels are read out of one trained vector."""

from __future__ import annotations

from nas.sharing._attach import attach_rings, materialize
from nas.sharing._ring import Ring, generated

__all__ = ["Ring", "attach_rings", "generated", "materialize"]
