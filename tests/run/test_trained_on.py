"""What the log tells of the workers that trained a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nas.run import RunFolder
from nas.run._trained_on import TrainedOn, trained_on

if TYPE_CHECKING:
    from pathlib import Path

LOG = """\
2026-01-01T00:00:00+00:00 begins with in process, 0 networks evaluated
2026-01-01T00:00:01+00:00 trial 0 network aaaaaaaaaaaa on local: accuracy 0.5 after 1.0 s
2026-01-01T00:00:02+00:00 begins with 2 Ray workers, 4 CPU and 0.5 GPU each, 1 networks evaluated
2026-01-01T00:00:03+00:00 trial 1 network bbbbbbbbbbbb on ray-0: accuracy 0.5 after 1.0 s
"""


def test_a_network_was_trained_in_the_session_that_says_so(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run")
    assert trained_on(folder, "aaaaaaaaaaaa") == TrainedOn()
    (folder.path / "log.txt").write_text(LOG)

    assert trained_on(folder, "aaaaaaaaaaaa").words == "in process"
    assert trained_on(folder, "bbbbbbbbbbbb").words == "2 Ray workers, 4 CPU and 0.5 GPU each"
    assert trained_on(folder, "cccccccccccc") == TrainedOn()


@pytest.mark.parametrize(
    ("words", "threads", "device"),
    [
        ("", 1, None),
        ("in process", 1, None),
        ("1 Ray worker, 1 CPU", 1, "cpu"),
        ("3 Ray workers, 0.5 CPU each", 1, "cpu"),
        ("2 Ray workers, 4 CPU and 0.5 GPU of a gpu node each", 4, "cuda"),
        (
            "1 Ray worker, 1 CPU and 1 GPU (torch sees no CUDA there: training on the CPU)",
            1,
            "cpu",
        ),
    ],
)
def test_threads_and_device(words: str, threads: int, device: str | None) -> None:
    told = TrainedOn(words)

    assert (told.num_threads, told.device) == (threads, device)
