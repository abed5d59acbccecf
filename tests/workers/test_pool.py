"""What every pool promises. Each kind of pool runs the whole suite."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from nas.errors import DataError, OptionError
from nas.trial import Task, TrialResult
from nas.workers import LocalPool, Pool, SimulatedPool
from nas.workers._ray_pool import RayPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nas.workers import Evaluator, Factory, WorkerInfo

    MakePool = Callable[..., Pool]
    MakeTask = Callable[..., Task]


def drain(pool: Pool, tasks: list[Task]) -> dict[int, TrialResult]:
    """Results by number; fails on a missing, repeated or additional one."""
    for task in tasks:
        pool.submit(task)
    results = [pool.next_result() for _ in tasks]
    assert pool.next_result(0) is None
    by_number = {result.number: result for result in results if result is not None}
    assert sorted(by_number) == sorted(task.number for task in tasks)
    return by_number


class PoolConformance:
    """Inherit, and supply `make_pool`: a pool from a factory and the pool's options."""

    @pytest.fixture(scope="class")
    @classmethod
    def make_pool(cls) -> MakePool:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def pool(cls, make_pool: MakePool, factories: dict[str, Factory]) -> Iterator[Pool]:
        """One pool for all tests that leave it as they found it."""
        with make_pool(factories["obey"]) as pool:
            yield pool

    def test_every_task_is_answered_once(self, pool: Pool, make_task: MakeTask) -> None:
        results = drain(pool, [make_task(number) for number in range(25)])

        assert all(result.ok for result in results.values())

    def test_the_payload_goes_there_and_back(self, pool: Pool, make_task: MakeTask) -> None:
        result = drain(pool, [make_task(0xBEE)])[0xBEE]

        assert result.weights == b"000000000bee"
        assert result.scores is not None
        assert result.scores.loss == 0xBEE

    def test_a_large_result_arrives_whole(self, pool: Pool, make_task: MakeTask) -> None:
        task = make_task(0)
        big = partial(type(task.arch), id="w" * 3_000_000)
        task = Task(number=0, arch=big(), fidelity=task.fidelity, seed=0)

        assert drain(pool, [task])[0].weights == b"w" * 3_000_000

    def test_a_result_names_its_worker(self, pool: Pool, make_task: MakeTask) -> None:
        assert drain(pool, [make_task(0)])[0].worker

    def test_a_failed_result_is_handed_on(self, pool: Pool, make_task: MakeTask) -> None:
        failure = drain(pool, [make_task(0, "fail"), make_task(1)])[0].failure

        assert failure is not None
        assert (failure.kind, failure.message) == ("Diverged", "loss is nan")

    def test_an_exception_is_a_failed_result(self, pool: Pool, make_task: MakeTask) -> None:
        results = drain(pool, [make_task(0, "throw"), make_task(1)])

        failure = results[0].failure
        assert failure is not None
        assert (failure.kind, failure.message) == ("ZeroDivisionError", "seven by nought")
        assert "in throw" in failure.detail
        assert results[1].ok

    def test_running_out_of_memory_has_one_name(self, pool: Pool, make_task: MakeTask) -> None:
        failure = drain(pool, [make_task(0, "exhaust")])[0].failure

        assert failure is not None
        assert failure.kind == "OutOfMemory"

    @pytest.mark.parametrize(
        ("action", "words"),
        [("answer_another", "answered task 6, not task 5"), ("answer_nothing", "a NoneType")],
    )
    def test_a_wrong_answer_is_a_failed_result(
        self, pool: Pool, make_task: MakeTask, action: str, words: str
    ) -> None:
        failure = drain(pool, [make_task(5, action)])[5].failure

        assert failure is not None
        assert words in failure.message

    def test_nothing_to_wait_for_is_none_at_once(self, pool: Pool) -> None:
        began_s = time.monotonic()

        assert pool.next_result() is None
        assert pool.next_result(120) is None
        assert time.monotonic() - began_s < 120

    def test_submitting_more_than_it_can_run_does_not_block(
        self, pool: Pool, make_task: MakeTask, tmp_path: Path
    ) -> None:
        ready = tmp_path / "ready"
        tasks = [make_task(number, "await_file", path=str(ready)) for number in range(4)]
        for task in tasks:
            pool.submit(task)
        ready.touch()
        numbers = {result.number for _ in tasks if (result := pool.next_result())}

        assert numbers == set(range(4))

    def test_an_overdue_task_times_out_and_the_pool_goes_on(
        self, make_pool: MakePool, make_task: MakeTask, factories: dict[str, Factory]
    ) -> None:
        with make_pool(factories["obey"], task_timeout_s=4.0) as pool:
            results = drain(pool, [make_task(0, seconds=60), make_task(1), make_task(2)])

        failure = results[0].failure
        assert failure is not None
        assert failure.kind == "Timeout"
        assert "4 s" in failure.message
        assert results[1].ok
        assert results[2].ok

    def test_a_task_that_hangs_once_is_begun_again(
        self,
        make_pool: MakePool,
        make_task: MakeTask,
        factories: dict[str, Factory],
        tmp_path: Path,
    ) -> None:
        with make_pool(factories["obey"], task_timeout_s=5.0) as pool:
            results = drain(pool, [make_task(0, "hang_once", path=str(tmp_path / "hung"))])

        assert results[0].ok

    @pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
    def test_a_senseless_time_limit_is_refused(
        self, make_pool: MakePool, factories: dict[str, Factory], seconds: float
    ) -> None:
        with pytest.raises(OptionError, match="task_timeout_s"):
            make_pool(factories["obey"], task_timeout_s=seconds)

    def test_a_users_error_in_the_factory_surfaces_as_it_is(
        self, make_pool: MakePool, factories: dict[str, Factory]
    ) -> None:
        with pytest.raises(DataError) as caught:
            make_pool(factories["lack_data"])

        assert str(caught.value) == "no Fashion-MNIST here: three ways to get it are ..."

    def test_a_bug_in_the_factory_surfaces_as_it_is(
        self, make_pool: MakePool, factories: dict[str, Factory]
    ) -> None:
        with pytest.raises(KeyError, match="a bug"):
            make_pool(factories["break_down"])

    def test_close_is_quick_and_may_be_repeated(
        self, make_pool: MakePool, make_task: MakeTask, factories: dict[str, Factory]
    ) -> None:
        pool = make_pool(factories["obey"])
        for number in range(4):
            pool.submit(make_task(number, seconds=120))
        began_s = time.monotonic()
        pool.close()
        pool.close()

        assert time.monotonic() - began_s < 120, "it waited for a task"

    def test_a_closed_pool_says_so(
        self, make_pool: MakePool, make_task: MakeTask, factories: dict[str, Factory]
    ) -> None:
        pool = make_pool(factories["obey"])
        pool.close()

        with pytest.raises(RuntimeError, match="closed"):
            pool.submit(make_task(0))
        with pytest.raises(RuntimeError, match="closed"):
            pool.next_result(0)

    def test_it_describes_itself(self, pool: Pool) -> None:
        assert pool.description
        assert pool.num_workers == pool.num_ready >= 1
        assert pool.dashboard_url is None or pool.dashboard_url.startswith("http")


class TestLocalPool(PoolConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def make_pool(cls) -> MakePool:
        return partial(LocalPool, device="cpu")


class TestSimulatedPool(PoolConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def make_pool(cls) -> MakePool:
        return partial(SimulatedPool, num_workers=2)

    @pytest.fixture(scope="class")
    @classmethod
    def factories(cls, factories: dict[str, Factory]) -> dict[str, Factory]:
        """Those of every pool; trainings say how long they took, but take no time."""

        def obey_at_once(info: WorkerInfo) -> Evaluator:
            evaluate = factories["obey"](info)

            def answer(task: Task) -> TrialResult:
                with mock.patch("time.sleep"):
                    return evaluate(task)

            return answer

        return {**factories, "obey": obey_at_once}


@pytest.mark.xdist_group("ray")
class TestRayPool(PoolConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def make_pool(cls, running_ray: None) -> MakePool:
        return partial(RayPool, num_workers=2, gpus_per_worker=0)
