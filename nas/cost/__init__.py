"""What a network costs: exactly, before it is built, and measured on the built model."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nas.cost._exact import PartCost, cost_of, output_shapes, part_cost
from nas.cost._memory import WorkingMemory, working_memory
from nas.cost._training import training_bytes

if TYPE_CHECKING:
    from nas.cost._measured import measure_cost
    from nas.cost._modules import ModuleCost, module_costs

__all__ = [
    "ModuleCost",
    "PartCost",
    "WorkingMemory",
    "cost_of",
    "measure_cost",
    "module_costs",
    "output_shapes",
    "part_cost",
    "training_bytes",
    "working_memory",
]

_NEED_TORCH = {
    "measure_cost": "nas.cost._measured",
    "module_costs": "nas.cost._modules",
    "ModuleCost": "nas.cost._modules",
}


def __getattr__(name: str) -> Any:
    """Load what needs torch when it is first asked for: exact costs answer without."""
    if name not in _NEED_TORCH:
        raise AttributeError(f"module 'nas.cost' has no attribute '{name}'")
    return getattr(import_module(_NEED_TORCH[name]), name)
