"""Evaluations made up by hand, without a network behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import pytest

from nas.arch import Architecture
from nas.trial import Cost, Evaluation, Scores, State


@dataclass(frozen=True)
class NamedArch:
    """All that reports ask of an architecture."""

    id: str


Make = Callable[..., Evaluation]


@pytest.fixture
def evaluation() -> Make:
    def make(
        number: int,
        accuracy: float,
        params: int = 1000,
        macs: int = 10_000,
        state: State = "complete",
    ) -> Evaluation:
        cost = Cost(
            params=params,
            ring_params=0,
            kernel_params=params,
            frozen_params=0,
            macs=macs,
            peak_activation_bytes=4096,
        )
        scores = Scores(accuracy=accuracy, loss=0.5, train_s=1.5)
        arch = cast("Architecture", NamedArch(f"{number:012x}"))
        return Evaluation(
            number=number,
            state=state,
            arch=arch,
            cost=cost,
            scores=scores if state == "complete" else None,
        )

    return make
