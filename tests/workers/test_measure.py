"""What is told of workers that are gone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from nas.report import Snapshot
from nas.run._monitor import Monitor
from nas.workers import LocalPool, Measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.workers import Factory


class Deserted(LocalPool):
    """A pool whose workers are all gone, and are waited for."""

    told: Sequence[Measure] = ()

    @property
    def num_ready(self) -> int:
        """None of them."""
        return 0

    def export(self, measures: Sequence[Measure], *, run: str) -> None:
        """Keep them."""
        self.told = measures


def test_workers_that_are_gone_are_not_counted(factories: dict[str, Factory]) -> None:
    run: Any = SimpleNamespace(path=Path("r"), facts=SimpleNamespace(train_images=1))
    ledger: Any = SimpleNamespace(evaluations={}, paused=(), count=Counter().__getitem__)
    pool, monitor = Deserted(factories["obey"]), Monitor(run, ledger)
    monitor.show(pool, Snapshot(budget=1, finished=0, workers=pool.num_workers), now=True)
    pool.close()

    figures = {one.name: one.value for one in pool.told}
    assert pool.num_workers == 1
    assert figures["nas_workers"] == 0
    assert figures["nas_worker_seconds"] == 0
