"""Faults of disks and of people: files torn, full, damaged, changed, gone."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab import BUDGET, REFUSED, Lab, Pretended, nothing
from of_processes import die

from nas.errors import NasError
from nas.run import open_run, repair_run

CREATE_TRIAL = 4
"""What Optuna calls the entry that opens a trial."""


def stop_early(lab: Lab) -> None:
    """A search that has some results, and is not over."""
    lab.search(lab.rng.randrange(4, BUDGET), die)


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
    place = lab.rng.randrange(len(lines) // 2, len(lines))
    lab.witness.spoilt.add(trial_of(lines, place))
    lines[place] = b'{"op_code": ' + lines[place][20:]
    lab.journal.write_bytes(b"".join(lines))
    assert lab.search() == REFUSED
    repair_run(open_run(lab.run), factory=Pretended(lab.witness.repaired, 0.0, None, nothing))


def trial_of(lines: list[bytes], place: int) -> int:
    """The trial that this line of a journal tells of; -1 if none."""
    entries = list(map(json.loads, lines[: place + 1]))
    if entries[-1]["op_code"] == CREATE_TRIAL:
        return sum(entry["op_code"] == CREATE_TRIAL for entry in entries) - 1
    return int(entries[-1].get("trial_id", -1))


def full_disk(lab: Lab) -> None:
    """From some write on, there is no space left."""

    def fill() -> None:
        def refuse(*_: object, **__: object) -> Any:
            raise OSError(errno.ENOSPC, "No space left on device")

        Path.write_bytes = refuse  # type: ignore[method-assign]
        os.fsync = refuse

    lab.search(lab.rng.randrange(BUDGET), fill)


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
    "disk full": full_disk,
    "half-written files": half_written_files,
    "weights deleted": lost_weights,
    "weights overwritten": foreign_weights,
    "data changed, brought back": changed_data,
    "data gone or a pipe, brought back": lost_data,
    "space.yaml edited or cut, brought back": damaged("space.yaml"),
    "search.json edited or cut, brought back": damaged("search.json"),
    "run folder moved away and back": moved_folder,
}
