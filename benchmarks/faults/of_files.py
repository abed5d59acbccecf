"""Faults of disks and of people: files torn, full, damaged, changed, gone."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from lab import REFUSED, Lab, Pretended, nothing
from of_processes import begin_together, die

from nas.data import _load
from nas.data._stall import unless_stalled
from nas.errors import NasError
from nas.run import open_run, repair_run
from nas.search._fields import RECORD

CREATE_TRIAL = 4
"""What Optuna calls the entry that opens a trial."""


def stop_early(lab: Lab) -> None:
    """A search that has some results, and is not over."""
    lab.search(lab.rng.randrange(4, lab.budget), die)


def torn_tail(lab: Lab) -> None:
    """Killed within a write: the journal's last line is incomplete."""
    stop_early(lab)
    with lab.journal.open("ab") as journal:
        journal.write(b'{"op_code": 5, "worker_id": "x", "trial'[: lab.rng.randrange(1, 39)])


def zeros_in_the_tail(lab: Lab) -> None:
    """A machine that lost power: blocks were allocated and never written."""
    stop_early(lab)
    with lab.journal.open("ab") as journal:
        journal.write(bytes(lab.rng.randrange(1, 4096)))


def cut_short(lab: Lab) -> None:
    """A machine that lost power: the last bytes, at most a line, never came to the disk."""
    stop_early(lab)
    lines = lab.journal.read_bytes().splitlines(keepends=True)
    lab.witness.spoilt.add(trial_of(lines, len(lines) - 1))
    os.truncate(lab.journal, sum(map(len, lines)) - lab.rng.randrange(1, len(lines[-1])))


def bad_line(lab: Lab) -> None:
    """A line in the middle is damaged: refused with the line's number, and repaired.

    What the line held is gone with it; everything else is there.
    """
    stop_early(lab)
    lines = lab.journal.read_bytes().splitlines(keepends=True)
    damage(lab, lines, lab.rng.randrange(len(lines) // 2, len(lines)))
    assert lab.search() == REFUSED
    repair(lab)


def line_lost(is_meant: Callable[[dict[str, Any]], bool]) -> Callable[[Lab], None]:
    """Such a line of two drivers' journal is damaged or deleted: its trial is all that is lost.

    What is deleted need not be missed, as long as what is left is still its own network's.
    """

    def inject(lab: Lab) -> None:
        drivers = begin_together(lab, 6, 14)
        for driver in drivers:
            lab.end(driver, signal.SIGINT)
        lines = lab.journal.read_bytes().splitlines(keepends=True)
        place = lab.rng.choice([n for n, line in enumerate(lines) if is_meant(json.loads(line))])
        deletes = lab.rng.random() < 0.5
        damage(lab, lines, place, deletes=deletes)
        status = lab.search()
        assert status == REFUSED or (deletes and status == 0)
        if status == REFUSED:
            repair(lab)

    return inject


def opens_trial(entry: dict[str, Any]) -> bool:
    """Whether a trial begins with it."""
    return bool(entry["op_code"] == CREATE_TRIAL)


def holds_record(entry: dict[str, Any]) -> bool:
    """Whether it says how a trial ended."""
    return RECORD in entry.get("user_attr", ())


def damage(lab: Lab, lines: list[bytes], place: int, *, deletes: bool = False) -> None:
    """Write the journal with that line garbled or left out."""
    lab.witness.spoilt.add(trial_of(lines, place))
    bad = b"" if deletes else b'{"op_code": ' + lines[place][20:]
    lab.journal.write_bytes(b"".join([*lines[:place], bad, *lines[place + 1 :]]))


def repair(lab: Lab) -> None:
    """As `nas repair` does."""
    repair_run(open_run(lab.run), factory=Pretended(lab.witness.repaired, 0.0, None, nothing))


def trial_of(lines: list[bytes], place: int) -> int:
    """The trial that this line of a journal tells of; -1 if none."""
    entries = list(map(json.loads, lines[: place + 1]))
    if opens_trial(entries[-1]):
        return sum(map(opens_trial, entries)) - 1
    return int(entries[-1].get("trial_id", -1))


def full_disk(lab: Lab) -> None:
    """From some write on, there is no space left."""

    def fill() -> None:
        def refuse(*_: object, **__: object) -> Any:
            raise OSError(errno.ENOSPC, "No space left on device")

        Path.write_bytes = refuse  # type: ignore[method-assign]
        os.fsync = refuse

    lab.search(lab.rng.randrange(lab.budget), fill)


def half_written_files(lab: Lab) -> None:
    """Drafts of files that a killed process left behind."""
    stop_early(lab)
    for path in [*lab.run.glob("weights/*"), lab.run / "front.csv"]:
        path.with_name(path.name + ".part").write_bytes(b"half")


def lost_weights(lab: Lab) -> None:
    """Somebody deletes the weights of the front."""
    stop_early(lab)
    shutil.rmtree(lab.run / "weights", ignore_errors=True)


def foreign_weights(lab: Lab) -> None:
    """Weights are overwritten with something else."""
    stop_early(lab)
    for path in lab.run.glob("weights/*.safetensors"):
        path.write_bytes(b"not weights at all")


def changed_data(lab: Lab) -> None:
    """The data are overwritten between two sessions: refused, until they are as they were."""
    stop_early(lab)
    lab.write_data(seed=1)
    assert lab.search() == REFUSED
    lab.write_data(seed=0)


def lost_data(lab: Lab) -> None:
    """The data are gone between two sessions, or are a pipe on which nobody writes."""
    stop_early(lab)
    lab.data.unlink()
    if lab.rng.random() < 0.5:
        os.mkfifo(lab.data)
    assert lab.search() == REFUSED
    lab.data.unlink(missing_ok=True)
    lab.write_data(seed=0)


def stalled_data(lab: Lab) -> None:
    """The data's disk does not answer between two sessions: refused, after 0.5 s instead of 90."""
    stop_early(lab)
    pipe = lab.folder / "pipe"
    os.mkfifo(pipe)

    def block() -> None:
        _load.unless_stalled = partial(unless_stalled, limit_s=0.5, poll_s=0.05)
        _load.read_npz = lambda *_, **__: pipe.read_bytes()

    assert lab.ended(lab.fork(before=block)) == REFUSED
    assert "nothing could be read of it" in lab.said


def damaged(name: str) -> Callable[[Lab], None]:
    """A file of the run folder is edited or cut: refused, until it is brought back."""

    def inject(lab: Lab) -> None:
        stop_early(lab)
        path = lab.run / name
        good = path.read_bytes()
        bad = good[: lab.rng.randrange(len(good) // 2)]
        path.write_bytes(bad if lab.rng.random() < 0.5 else good.replace(b"8", b"9"))
        known = lab.witness.trained.read_text()
        assert lab.search() == REFUSED
        assert lab.witness.trained.read_text() == known, "it trained on what it could not trust"
        path.write_bytes(good)

    return inject


def moved_folder(lab: Lab) -> None:
    """The run folder is moved away and back while nothing runs."""
    stop_early(lab)
    elsewhere = lab.folder / "elsewhere"
    lab.run.rename(elsewhere)
    try:
        open_run(lab.run)
    except NasError:
        elsewhere.rename(lab.run)
    else:
        raise AssertionError("a run was opened that is not there")


FAULTS: dict[str, Callable[[Lab], None]] = {
    "journal's last line torn": torn_tail,
    "zeros at the journal's end": zeros_in_the_tail,
    "journal cut short by a line at most": cut_short,
    "a line of the journal damaged, repaired": bad_line,
    "two drivers: a line that opens a trial damaged or deleted": line_lost(opens_trial),
    "two drivers: a record's line damaged or deleted": line_lost(holds_record),
    "disk full": full_disk,
    "half-written files": half_written_files,
    "weights deleted": lost_weights,
    "weights overwritten": foreign_weights,
    "data changed, brought back": changed_data,
    "data gone or a pipe, brought back": lost_data,
    "data on a disk that does not answer, then does": stalled_data,
    "space.yaml edited or cut, brought back": damaged("space.yaml"),
    "search.json edited or cut, brought back": damaged("search.json"),
    "run folder moved away and back": moved_folder,
}
