"""What a network costs: exactly, before it is built, and measured on the built model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas.cost._exact import PartCost, cost_of, part_cost

if TYPE_CHECKING:
    from nas.cost._measured import measure_cost

__all__ = ["PartCost", "cost_of", "measure_cost", "part_cost"]


def __getattr__(name: str) -> Any:
    # `nas cost` answers without torch; only measuring needs it.
    if name == "measure_cost":
        from nas.cost._measured import measure_cost

        return measure_cost
    raise AttributeError(f"module 'nas.cost' has no attribute '{name}'")
