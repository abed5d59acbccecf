"""Measuring in turns, with clocks that tell what they are told to."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from nas.latency import Rules, compare, median_interval

if TYPE_CHECKING:
    from collections.abc import Callable

RULES = Rules(block_s=0.0, min_runs=3, warm_up_runs=1)


class Machine:
    """Time passes while networks run, and only then."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slowness: Callable[[float], float] = lambda now_s: 1.0

    def run(self, seconds: float) -> Callable[[], None]:
        def run() -> None:
            self.now_s += seconds * self.slowness(self.now_s)

        return run

    def clock(self) -> float:
        return self.now_s


def test_a_quiet_machine_needs_the_fewest_rounds() -> None:
    machine = Machine()
    found = compare(machine.run(0.003), machine.run(0.001), RULES, clock=machine.clock)
    assert (found.time_s, found.reference_s) == pytest.approx((0.003, 0.001))
    assert (found.ratio_low, found.ratio, found.ratio_high) == pytest.approx((3, 3, 3))
    assert (found.rounds, found.rejected, found.noisy) == (RULES.min_rounds, 0, False)


def test_a_machine_that_slows_down_for_good_leaves_the_ratio_alone() -> None:
    machine = Machine()
    machine.slowness = lambda now_s: 1.0 if now_s < 0.06 else 1.08
    found = compare(machine.run(0.003), machine.run(0.001), RULES, clock=machine.clock)
    assert found.ratio == pytest.approx(3, rel=0.01)


def test_rounds_in_which_the_reference_moved_do_not_count() -> None:
    machine = Machine()
    # Every third round runs into another process, which stays for a while.
    machine.slowness = lambda now_s: 2.0 if now_s % 0.04 > 0.025 else 1.0
    found = compare(machine.run(0.003), machine.run(0.001), RULES, clock=machine.clock)
    assert found.rejected > 0
    assert found.ratio == pytest.approx(3, rel=0.02)


def test_a_machine_slower_than_it_is_known_to_be_is_noisy() -> None:
    machine = Machine()
    runs = machine.run(0.003), machine.run(0.00115)
    as_ever = compare(*runs, RULES, clock=machine.clock)
    assert not as_ever.noisy
    slower = compare(*runs, RULES, clock=machine.clock, best_reference_s=0.001)
    assert slower.noisy
    assert slower.rounds == 0
    assert slower.ratio == pytest.approx(3 / 1.15)  # the best that can be said


def test_a_restless_network_is_given_up_as_noisy() -> None:
    machine, rng = Machine(), random.Random(0)

    def restless() -> None:
        machine.now_s += rng.choice((0.002, 0.004))

    rules = Rules(block_s=0.0, min_runs=1, warm_up_runs=1, max_rounds=30)
    found = compare(restless, machine.run(0.001), rules, clock=machine.clock)
    assert found.noisy
    assert found.rounds + found.rejected == rules.max_rounds
    assert found.ratio_high - found.ratio_low > rules.tolerance * found.ratio


def test_measuring_goes_on_until_the_interval_is_narrow() -> None:
    machine, rng = Machine(), random.Random(1)

    def wavering() -> None:
        machine.now_s += rng.gauss(0.003, 0.0001)

    rules = Rules(block_s=0.0, min_runs=1, warm_up_runs=1, max_rounds=1000)
    found = compare(wavering, machine.run(0.001), rules, clock=machine.clock)
    assert rules.min_rounds < found.rounds < rules.max_rounds
    assert found.ratio_high - found.ratio_low < rules.tolerance * found.ratio


def test_short_runs_are_repeated_to_fill_a_block() -> None:
    machine, count = Machine(), 0

    def short() -> None:
        nonlocal count
        count += 1
        machine.now_s += 1e-5

    rules = Rules(block_s=1e-3, min_runs=5, warm_up_runs=10)
    compare(short, machine.run(0.1), rules, clock=machine.clock)
    assert count == pytest.approx(10 + 100 * rules.min_rounds, rel=0.02)


@pytest.mark.parametrize(
    ("count", "rank"),
    # 95 % intervals of the median by rank, as in tables of the sign test.
    [(1, 1), (5, 1), (6, 1), (8, 1), (9, 2), (10, 2), (12, 3), (20, 6), (50, 18)],
)
def test_the_interval_lies_between_the_ranks_of_the_tables(count: int, rank: int) -> None:
    assert median_interval(range(1, count + 1)) == (rank, count + 1 - rank)


def test_the_interval_holds_the_median_as_often_as_it_says() -> None:
    rng, held = random.Random(2), 0
    for _ in range(2000):
        low, high = median_interval(sorted(rng.expovariate(1) for _ in range(15)))
        held += low <= 0.6931 <= high
    assert held / 2000 > 0.94
