from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nas.trial import Fidelity, Scores, Task, TrialResult
from nas.workers import SimulatedPool

if TYPE_CHECKING:
    from nas.workers import Evaluator, Factory, WorkerInfo


def task(number: int) -> Task:
    return Task(number=number, arch=None, fidelity=Fidelity(epochs=1), seed=0)  # type: ignore[arg-type]


def lasting(*seconds: float) -> Factory:
    """A factory: task n trains for so many simulated seconds."""

    def factory(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            scores = Scores(accuracy=0.5, loss=1.0, train_s=seconds[task.number])
            return TrialResult(number=task.number, scores=scores)

        return evaluate

    return factory


def finished(pool: SimulatedPool) -> list[tuple[int, float]]:
    """Numbers and times of all ends that are left."""
    ends = []
    while (result := pool.next_result()) is not None:
        ends.append((result.number, pool.now_s))
    return ends


def test_results_come_when_they_would_with_so_many_workers() -> None:
    pool = SimulatedPool(lasting(5.0, 1.0, 3.0, 2.0), num_workers=2)
    for number in range(4):
        pool.submit(task(number))

    # 0 and 1 begin at 0, 2 at 1, 3 at 4.
    assert finished(pool) == [(1, 1.0), (2, 4.0), (0, 5.0), (3, 6.0)]
    assert pool.busy_s == 11.0


def test_equal_ends_come_in_order_of_start() -> None:
    pool = SimulatedPool(lasting(1.0, 1.0, 1.0), num_workers=3)
    for number in (2, 0, 1):
        pool.submit(task(number))

    assert [number for number, _ in finished(pool)] == [2, 0, 1]


def test_waiting_moves_the_clock_no_further_than_asked() -> None:
    pool = SimulatedPool(lasting(5.0))
    pool.submit(task(0))

    assert pool.next_result(timeout_s=2.0) is None
    assert pool.now_s == 2.0
    assert pool.next_result(timeout_s=10.0) is not None
    assert pool.now_s == 5.0


def test_the_drivers_time_passes_for_the_workers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    spent_s = iter([0.0, 3.0, 3.0, 10.0, 10.0, 10.5, 10.5])
    monkeypatch.setattr("time.process_time", lambda: next(spent_s))
    pool = SimulatedPool(lasting(5.0, 1.0), num_workers=2, charge_driver=True)
    pool.submit(task(0))  # at 3
    assert pool.next_result() is not None  # 7 s later: the training was over at 8
    assert pool.now_s == 10.0
    pool.submit(task(1))

    assert pool.busy_s == 5.0
    assert pool.now_s == 10.5
