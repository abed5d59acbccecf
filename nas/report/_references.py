"""Published networks to hold a front against, from `published.csv`.

Their accuracy is that of full training on the test images; a search's own is that of a short
proxy training on validation images. Whoever shows both says so.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One published network on one data set."""

    dataset: str
    model: str
    params: int
    macs: int
    """Multiply-accumulates of one image of `macs_px` x `macs_px` pixels."""
    macs_px: int
    accuracy: float
    """Share of test images classified correctly, in [0, 1], after full training."""
    source: str
    """Where the accuracy was read."""


def references_for(dataset: str) -> tuple[Reference, ...]:
    """The published networks known for a data set by its name here; none for others."""
    text = files("nas.report").joinpath("published.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(_reference(row) for row in rows if row["dataset"] == dataset)


def _reference(row: dict[str, str]) -> Reference:
    return Reference(
        dataset=row["dataset"],
        model=row["model"],
        params=int(row["params"]),
        macs=int(row["macs"]),
        macs_px=int(row["macs_px"]),
        accuracy=float(row["accuracy"]),
        source=row["source"],
    )
