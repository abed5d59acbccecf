"""What a block family has to fulfil, ours or a plug-in's: checks, and a pytest class of them."""

from __future__ import annotations

from nas.testing._checks import CHECKS, Check, CheckResult, Subject, run_checks
from nas.testing._draw import draw_networks, random_component
from nas.testing._pytest import FamilyTests

__all__ = [
    "CHECKS",
    "Check",
    "CheckResult",
    "FamilyTests",
    "draw_networks",
    "random_component",
    "Subject",
    "run_checks",
]
