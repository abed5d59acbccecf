"""A network is trained to the same bits wherever it is trained."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from nas.arch import Architecture, Stage
from nas.families.lru.options import Lru, MaxPoolConcat
from nas.families.plain.options import Conv, ConvStem, GapLinear
from nas.run._data import ProxyFactory
from nas.trial import Fidelity, Task
from nas.workers import LocalPool, Pool
from nas.workers._ray_pool import RayPool

if TYPE_CHECKING:
    from pathlib import Path

    from nas.trial import Scores

pytestmark = pytest.mark.xdist_group("ray")

NETWORKS = [
    Architecture(
        name="small",
        stem=ConvStem(channels=16),
        stages=(Stage(block=block, channels=32, stride=2, transition=MaxPoolConcat()),),
        head=GapLinear(),
    )
    for block in (Conv(), Lru(groups=4, reuse=2))
]
FIDELITY = Fidelity(epochs=3)


def trained_by(pool: Pool) -> list[tuple[Scores, bytes]]:
    """Scores and weights of the networks, in their order."""
    with pool:
        for number, arch in enumerate(NETWORKS):
            pool.submit(Task(number=number, arch=arch, fidelity=FIDELITY, seed=7))
        results = [pool.next_result() for _ in NETWORKS]
    found = []
    for result in sorted(filter(None, results), key=lambda one: one.number):
        assert result.scores is not None, result.failure
        assert result.weights is not None
        found.append((replace(result.scores, train_s=0.0), result.weights))
    return found


def test_local_and_ray_workers_train_to_equal_bits(running_ray: None, npz: Path) -> None:
    torch.set_num_threads(2)  # as many as a user's process has; the fixture takes it back
    factory = ProxyFactory(data=str(npz), data_dir=None)

    here = trained_by(LocalPool(factory))
    there = trained_by(RayPool(factory, num_workers=1, gpus_per_worker=0))

    assert len(here) == len(NETWORKS)
    assert here == there
