"""Which shorter trainings come before full training: as asked for, or chosen for the images."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from nas.errors import OptionError
from nas.trial import Fidelity

NO_LADDER = "none"
LEAST_SIDE = 32
"""Pixels below which images are not halved unasked: at 14 pixels, what large networks of a stem of
stride 1 will reach does not show (`results/proxy_worth`)."""


def default_ladder(full: Fidelity, side: int) -> tuple[Fidelity, ...]:
    """One epoch on images of half the side where something is left of them; else, of four, one.

    On the table of `results/lru_vgnet_small_table` such a rung below 4 epochs saved most of what
    full training costs for about 1.5 % of the hypervolume; longer ladders lost more.

    Args:
        full: Full training.
        side: Pixels of the images' shorter side.
    """
    half = (full.resolution or side) // 2
    if half >= LEAST_SIDE:
        return (replace(full, epochs=1, resolution=half),)
    return (replace(full, epochs=1),) if full.epochs >= 4 else ()


def parse_ladder(
    text: str, full: Fidelity, *, side: int, where: str = "`ladder`"
) -> tuple[Fidelity, ...]:
    """`1@14,2` -> one epoch on 14x14 images, then two at full size. Raises OptionError.

    Each rung is a training of its own, with a schedule annealed to its end; images and batch
    size are those of `full`.

    Args:
        text: Rungs below full training, the cheapest first, or `none`.
        full: Full training.
        side: Pixels of the images' shorter side.
        where: What to call the text in messages.
    """
    if text == NO_LADDER:
        return ()
    said = f"{where} {text}"
    rungs = tuple(_parse_rung(rung.strip(), said, full) for rung in text.split(","))
    for low, high in pairwise((*rungs, full)):
        if _effort(low, side) >= _effort(high, side):
            raise OptionError(
                f"{said}: {_describe(low)} is no cheaper than {_describe(high)} after it; write "
                "the cheapest rung first, all below full training (`epochs`, `resolution`)"
            )
    return rungs


def _parse_rung(rung: str, said: str, full: Fidelity) -> Fidelity:
    match = re.fullmatch(r"([0-9]+)(?:@([0-9]+))?", rung)
    if match is None or int(match[1]) < 1 or (match[2] and int(match[2]) < 4):
        raise OptionError(
            f"{said}: '{rung}' is no rung; write EPOCHS or EPOCHS@PIXELS (4 pixels at least), "
            "separated by commas, as in 1@14,2, or none to train every network in full"
        )
    side = int(match[2]) if match[2] else full.resolution
    return replace(full, epochs=int(match[1]), resolution=side)


def _effort(fidelity: Fidelity, side: int) -> tuple[int, int]:
    """For comparing rungs: pixels first."""
    return (fidelity.resolution or side, fidelity.epochs)


def _describe(fidelity: Fidelity) -> str:
    return f"{fidelity.epochs}" + (f"@{fidelity.resolution}" if fidelity.resolution else "")
