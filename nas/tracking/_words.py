"""What both tools are told of a search and its networks."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.report import Document, Network, Progression

WORTH_A_RUN = ("complete", "pruned", "failed")
"""States of networks that were trained at all; the others would be rows without a result."""


def run_id(document: Document) -> str:
    """12 hex digits that tell a search from all others, however its folder was typed.

    They follow from where the folder is, and from the command, the machine and its load when the
    search began: two machines may have folders of the same name.
    """
    about = [str(Path(document.name).resolve()), dict(document.environment)]
    text = json.dumps(about, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def ended(document: Document) -> tuple[tuple[Network, float], ...]:
    """The networks trained for the last time, each with the Unix time at which that was over.

    One that waits on a rung is not among them. A document calls it pruned, but knows no such time
    of it: it may yet climb.
    """
    return tuple(
        (one, one.finished_s)
        for one in document.networks
        if one.state in WORTH_A_RUN and one.finished_s is not None
    )


def progress(document: Document) -> tuple[tuple[Progression, float], ...]:
    """The steps of the hypervolume that will not change, each with its Unix time."""
    times = [time_s for _, time_s in ended(document)]
    steps = [step for step in document.progression if step.networks <= len(times)]
    return tuple((step, min(times) + step.seconds) for step in steps)


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
