from __future__ import annotations

from nas.clock import MAX_STEP_S, AwakeClock


class Hands:
    """A clock that is set by hand."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_time_is_counted_from_look_to_look() -> None:
    hands = Hands()
    clock = AwakeClock(hands)
    assert clock() == 0
    hands.now_s += 1.5
    assert clock() == 1.5
    hands.now_s += 2
    assert clock() == 3.5
    assert clock() == 3.5


def test_a_night_in_which_the_machine_slept_hardly_counts() -> None:
    hands = Hands()
    clock = AwakeClock(hands)
    hands.now_s += 1
    clock()
    hands.now_s += 8 * 3600
    assert clock() == 1 + MAX_STEP_S
