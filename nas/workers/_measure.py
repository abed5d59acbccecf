"""A figure of a search, as a monitoring system takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure at one moment."""

    name: str
    """As Prometheus has it: `nas_trials`, with its unit at the end."""
    description: str
    value: float
    kind: Literal["gauge", "counter"] = "gauge"
    """A counter only grows, from 0 when the search was begun or resumed."""
    label: tuple[str, str] | None = None
    """Name and value of what tells figures of the same name apart: `("state", "failed")`."""
