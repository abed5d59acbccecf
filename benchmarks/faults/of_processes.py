"""Faults of the process that searches: signals, deaths, hangs, pauses, company."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from lab import INTERRUPTED, REFUSED, Lab, status_of

from nas.search import _drivers


def die() -> None:
    """As a segmentation fault or the kernel would have it."""
    os._exit(137)


def wait_for(lab: Lab, child: int, count: int) -> None:
    """Until a search has trained so many networks, or is over; and a moment more.

    Moments are told by what was trained: a busy machine has nothing to lose after tenths of a
    second.
    """
    over = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while len(lab.trainings()) < count and os.waitid(os.P_PID, child, over) is None:
        time.sleep(0.002)
    time.sleep(lab.rng.uniform(0.0, 0.02 if count else 0.4))


def send(number: int) -> Callable[[Lab], None]:
    """A signal at any moment of the process, not only in a training."""

    def inject(lab: Lab) -> None:
        child = lab.fork()
        wait_for(lab, child, lab.rng.randrange(lab.budget))
        lab.end(child, number)

    return inject


def twice_ctrl_c(lab: Lab) -> None:
    """An impatient user: Ctrl-C, and again while it ends."""
    child = lab.fork()
    wait_for(lab, child, lab.rng.randrange(lab.budget))
    sent_s = time.monotonic()
    for _ in range(2):
        os.kill(child, signal.SIGINT)
        time.sleep(0.01)
    lab.ended(child, sent_s)


def die_in_training(lab: Lab) -> None:
    """The process ends within a training."""
    lab.search(lab.rng.randrange(lab.budget), die)


def die_at_a_write(lab: Lab) -> None:
    """The process ends before or after one of the calls that change files."""
    left = lab.rng.randrange(60)
    after = lab.rng.random() < 0.5

    def prepare() -> None:
        for name in ("fsync", "replace", "rename", "link", "unlink", "ftruncate"):
            _count_down(name)

    def _count_down(name: str) -> None:
        plain = getattr(os, name)

        def counted(*words: object, **named: object) -> object:
            nonlocal left
            left -= 1
            if left < 0 and not after:
                die()
            done = plain(*words, **named)
            if left < 0:
                die()
            return done

        setattr(os, name, counted)

    lab.ended(lab.fork(before=prepare))


def poison(lab: Lab) -> None:
    """The same network kills the process whenever it is trained, until it is given up."""
    lab.search(lab.rng.randrange(lab.budget - 1), die)
    lab.search(0, die)


def fail(lab: Lab) -> None:
    """A training ends in an exception: a record, and nothing else."""
    lab.search(lab.rng.randrange(lab.budget), lambda: 1 // 0)


def run_out_of_memory(lab: Lab) -> None:
    """A training asks for more memory than there is."""
    lab.search(lab.rng.randrange(lab.budget), lambda: bytearray(1 << 62))


def hang(lab: Lab) -> None:
    """A training takes longer than it may, once."""
    lab.search(lab.rng.randrange(lab.budget), lambda: time.sleep(30))
    lab.nobody_failed()


def sleep_of_the_machine(lab: Lab) -> None:
    """The whole process is stopped for longer than a training may take."""
    child = lab.fork()
    wait_for(lab, child, lab.rng.randrange(lab.budget))
    os.kill(child, signal.SIGSTOP)
    lab.harm()
    time.sleep(1.5)
    os.kill(child, signal.SIGCONT)
    lab.ended(child)
    lab.nobody_failed()


def clock_jumps(lab: Lab) -> None:
    """The wall clock jumps by a day, back or ahead."""
    by_s = lab.rng.choice((-86_400, 86_400))

    def jump() -> None:
        plain = time.time
        time.time = lambda: plain() + by_s

    lab.search(lab.rng.randrange(lab.budget), jump)
    lab.nobody_failed()


def second_driver(lab: Lab) -> None:
    """Somebody begins the same search again while it runs: refused, and no harm done."""
    child = lab.fork()
    wait_for(lab, child, 1)
    assert status_of(lab.fork()) in (0, REFUSED)
    lab.ended(child)


def hurry() -> None:
    """A driver that is gone is missed after 2 s instead of 60."""
    _drivers.BEAT_S, _drivers.GONE_S = 0.2, 2.0


def begin_together(lab: Lab, fewest: int, most: int) -> tuple[int, int]:
    """Two drivers of the search, once they have trained some networks. Their process ids."""
    lab.training_s = 0.02
    first, second = (lab.fork(join=True, before=hurry) for _ in range(2))
    wait_for(lab, first, lab.rng.randrange(fewest, most))
    return first, second


def drivers_together(lab: Lab) -> None:
    """Two drivers share the search; one of them is killed."""
    first, second = begin_together(lab, 0, lab.budget // 2)
    lab.end(first, signal.SIGKILL)
    assert lab.ended(second) in (0, INTERRUPTED)


FAULTS: dict[str, Callable[[Lab], None]] = {
    "kill -9 at any moment": send(signal.SIGKILL),
    "Ctrl-C at any moment": send(signal.SIGINT),
    "Ctrl-C twice": twice_ctrl_c,
    "SIGTERM at any moment": send(signal.SIGTERM),
    "SIGHUP at any moment": send(signal.SIGHUP),
    "death before or after a write": die_at_a_write,
    "process dies in a training": die_in_training,
    "poison network": poison,
    "training raises": fail,
    "training out of memory": run_out_of_memory,
    "training hangs": hang,
    "machine sleeps": sleep_of_the_machine,
    "clock jumps by a day": clock_jumps,
    "a second driver, uninvited": second_driver,
    "two drivers, one is killed": drivers_together,
}
