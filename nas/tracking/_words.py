"""What both tools are told of a network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.report import Document, Network

WORTH_A_RUN = ("complete", "pruned", "failed")
"""States of networks that were trained at all; the others would be rows without a result."""


def settings_of(document: Document, network: Network) -> dict[str, str]:
    """The option chosen for each open value, by its path."""
    return {
        name: labels[choice]
        for (name, labels), choice in zip(document.genes, network.genome, strict=False)
    }


def metrics_of(document: Document, network: Network) -> dict[str, float]:
    """Every metric that is known, by its key."""
    found = {one.key: network.value(one.key) for one in document.metrics}
    return {key: float(value) for key, value in found.items() if value is not None}


def safe(name: str) -> str:
    """A name that every tool takes: letters, digits, `_`, `-`, `.`, `/` and blanks."""
    return re.sub(r"[^\w\-./ ]", "_", name)
