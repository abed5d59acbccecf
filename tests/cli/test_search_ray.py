"""`nas search` with a Ray of its own, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas.run import open_run
from nas.search import load_evaluations
from tests.cli.processes import descendants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.cli.conftest import Ended

    Nas = Callable[..., Ended]


def command(words: list[str], *options: str) -> list[str]:
    program = "from nas.cli import main; main()"
    return [sys.executable, "-c", program, *words, "--workers", "2", *options]


def gone(pids: Iterable[int]) -> bool:
    """Whether these processes all end within two minutes."""
    for _ in range(1200):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("raylet", "its raylet on this machine is gone, killed or out of memory"),
        ("gcs_server", "its head on this machine is gone, killed or out of memory"),
    ],
)
def test_a_ray_that_is_killed_ends_in_a_sentence_and_resume_goes_on(
    search_words: list[str], tmp_path: Path, nas: Nas, program: str, said: str
) -> None:
    words = command(search_words, "--budget", "30", "--train-images", "12000")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        log = tmp_path / "run" / "log.txt"
        while one.poll() is None and not (log.exists() and "accuracy" in log.read_text()):
            time.sleep(0.1)
        for process, args in descendants(one.pid).items():
            if args.split()[0].endswith(f"/{program}"):
                os.kill(process, signal.SIGKILL)
        _, err = one.communicate()

    assert one.returncode == 75
    assert f"nas: Ray: {said}" in err
    assert f"go on with: nas resume {tmp_path / 'run'}" in err
    assert "Traceback" not in err
    before = log.read_text().count("accuracy")
    assert before >= 1
    resumed = nas("resume", tmp_path / "run", "--workers", "local")
    assert resumed.status == 0


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(900)
def test_with_a_seed_workers_of_ray_find_what_this_process_finds(
    search_words: list[str], tmp_path: Path, nas: Nas
) -> None:
    words = [*search_words, "--deterministic", "--seed", "3", "--budget", "16"]
    subprocess.run(command(words), check=True, capture_output=True)
    assert nas(*words, "--out", tmp_path / "here").status == 0
    there, here = map(outcomes, (tmp_path / "run", tmp_path / "here"))

    assert len(set(here.values())) > 3
    assert there == here


def outcomes(run: Path) -> dict[tuple[int, str], tuple[object, ...]]:
    """What was trained and what came of it, to the bit; not how long it took."""
    return {
        (one.number, one.arch.id): (
            one.state,
            *((scores.accuracy, scores.loss) for scores in (one.scores, *one.rungs) if scores),
        )
        for one in open_run(run).trials()
    }


HANDLERS = """
import signal, sys
import nas

watched = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
signal.signal(signal.SIGTERM, lambda *_: None)
before = [signal.getsignal(one) for one in watched]
space, data, out = sys.argv[1:]
nas.search(space, data=data, out=out, workers=1, budget=2, epochs=1, train_images=150)
assert [signal.getsignal(one) for one in watched] == before
"""


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(900)
def test_after_a_search_on_ray_the_caller_has_its_signal_handlers_back(
    search_words: list[str], tmp_path: Path
) -> None:
    files = [str(tmp_path / name) for name in ("small.yaml", "steps.npz", "run")]
    subprocess.run([sys.executable, "-c", HANDLERS, *files], check=True)


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_on_ray_ends_everything_and_can_be_resumed(
    search_words: list[str], tmp_path: Path, sent: signal.Signals
) -> None:
    process = subprocess.Popen(
        command(
            search_words,
            "--budget",
            "40",
            "--train-images",
            "60",
            "--epochs",
            "200",
            "--ladder",
            "none",
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    log = tmp_path / "run" / "log.txt"
    while not (log.exists() and "trial" in log.read_text()):
        time.sleep(0.1)
        assert process.poll() is None
    children = descendants(process.pid)
    assert any("raylet" in command for command in children.values())
    assert len(children) > 4
    if sent == signal.SIGINT:
        os.killpg(process.pid, sent)  # as a terminal does: the whole process group
    else:
        os.kill(process.pid, sent)  # as `docker stop` does
    out, err = process.communicate()

    assert (process.returncode, err) == (130, "")
    assert out.endswith(f"Interrupted. Go on with: nas resume {tmp_path / 'run'}\n")
    assert gone(children)
    session = open_run(tmp_path / "run")
    finished = load_evaluations(session.problem, session.address)
    assert 0 < len(finished) < 40
    assert all(one.state == "complete" for one in finished)
    assert json.loads((tmp_path / "run" / "search.json").read_text())["settings"]["budget"] == 40
