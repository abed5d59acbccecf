from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nas.errors import OptionError
from nas.workers import LocalPool, make_pool
from nas.workers._ray_pool import RayPool

if TYPE_CHECKING:
    from nas.workers import Factory


def test_local_is_in_process(factories: dict[str, Factory]) -> None:
    with make_pool("local", factories["obey"]) as pool:
        assert isinstance(pool, LocalPool)
        assert pool.description == "in process"


@pytest.mark.xdist_group("ray")
def test_a_number_asks_for_as_many_ray_workers(
    running_ray: None, factories: dict[str, Factory]
) -> None:
    with make_pool(1, factories["obey"], gpus_per_worker=0) as pool:
        assert isinstance(pool, RayPool)
        assert pool.description == "1 Ray worker, 1 CPU"


@pytest.mark.xdist_group("ray")
def test_none_takes_all_there_is(running_ray: None, factories: dict[str, Factory]) -> None:
    with make_pool(None, factories["obey"], cpus_per_worker=2, gpus_per_worker=0) as pool:
        assert pool.num_workers == 2
        assert pool.description == "2 Ray workers, 2 CPU each"


def test_local_workers_have_no_address(factories: dict[str, Factory]) -> None:
    with pytest.raises(OptionError, match="drop one of the two"):
        make_pool("local", factories["obey"], address="auto")


@pytest.mark.parametrize("workers", ["many", 1.5, True])
def test_what_is_no_number_is_refused(factories: dict[str, Factory], workers: object) -> None:
    with pytest.raises(OptionError, match="neither local nor a number"):
        make_pool(workers, factories["obey"])  # type: ignore[arg-type]


@pytest.mark.xdist_group("ray")
@pytest.mark.parametrize("workers", [0, -3])
def test_no_workers_are_refused(
    running_ray: None, factories: dict[str, Factory], workers: int
) -> None:
    with pytest.raises(OptionError, match="do no work"):
        make_pool(workers, factories["obey"])
