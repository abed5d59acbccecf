"""Comparisons of networks by a clock that is made up, so that no other program has a say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nas.latency import Comparison

if TYPE_CHECKING:
    from collections.abc import Callable


def quiet(
    network: Callable[[], object], reference: Callable[[], object], *_: object, **__: object
) -> Comparison:
    """Runs both once; the clock is made up, so that no other program has a say."""
    network()
    reference()
    return Comparison(
        time_s=2e-4,
        reference_s=1e-4,
        ratio=2.0,
        ratio_low=1.99,
        ratio_high=2.01,
        rounds=5,
        rejected=1,
        noisy=False,
    )


def busy(*networks: Callable[[], object], **_: object) -> Comparison:
    """The same on a machine that others use, too."""
    return replace(quiet(*networks), ratio_low=1.0, ratio_high=3.0, noisy=True)
