"""`nas search` and `nas resume` as a user meets them: what they print, and how they end."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from nas.cli import main
from nas.proxy import Evaluator
from nas.run import open_run
from nas.search import load_evaluations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.trial import Task, TrialResult
    from tests.cli.conftest import Ended

    Nas = Callable[..., Ended]


def refused(ended: Ended) -> str:
    """The one message of a user's mistake: status 2, no traceback, one line."""
    assert ended.status == 2
    assert "Traceback" not in ended.err
    assert ended.err.count("\n") == 1
    return ended.err


def test_a_search_from_beginning_to_end(nas: Nas, search_words: list[str], tmp_path: Path) -> None:
    ended = nas(*search_words)
    run = tmp_path / "run"

    assert (ended.status, ended.err) == (0, "")
    assert "Searching small (56 settings) on " in ended.out
    assert "for accuracy, params, macs\n" in ended.out
    assert "3 classes, images of 1x8x8; 63 to train, 12 to validate" in ended.out
    assert f"Run folder {run}; " in ended.out
    assert "[3/3] 3 finished, 0 running" in ended.out
    assert "3 networks trained, " in ended.out
    assert f"nas export {run} --pick knee" in ended.out
    names = {path.name for path in run.iterdir()}
    assert names == {
        *("search.json", "space.yaml", "study.journal", "environment.json", "log.txt"),
        *("front.csv", "front.png", "weights", "run.lock"),
        *("report.html", "report.json", "trials.csv", "data.json", "split.json"),
    }


def test_what_is_printed_into_a_pipe_is_not_cut_at_80_columns(
    nas: Nas, search_words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    ended = nas(*search_words)

    assert "…" not in ended.out
    assert re.search(r"best(, knee)? +\d+ > ", ended.out)


def test_a_finished_search_says_so_and_trains_nothing(
    nas: Nas, search_words: list[str], tmp_path: Path
) -> None:
    nas(*search_words)
    log = (tmp_path / "run" / "log.txt").read_text()
    ended = nas("resume", tmp_path / "run", "--workers", "local")

    assert ended.status == 0
    assert "This search is finished: its budget of 3 networks is spent" in ended.out
    assert (tmp_path / "run" / "log.txt").read_text() == log


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_leaves_a_search_that_can_be_resumed(
    nas: Nas,
    search_words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sent: signal.Signals,
) -> None:
    train, calls = Evaluator._evaluate, iter(range(99))

    def interrupted(self: Evaluator, task: object) -> object:
        if next(calls) == 1:
            os.kill(os.getpid(), sent)
        return train(self, task)  # type: ignore[arg-type]

    monkeypatch.setattr(Evaluator, "_evaluate", interrupted)
    ended = nas(*search_words)
    run = tmp_path / "run"

    assert (ended.status, ended.err) == (130, "")
    assert "1 of 3 networks evaluated, 1 of them now" in ended.out
    assert ended.out.endswith(f"Interrupted. Go on with: nas resume {run}\n")
    resumed = nas("resume", run, "--workers", "local")
    assert resumed.status == 0
    assert "3 of 3 networks evaluated, 2 of them now" in resumed.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--budget 0", "--budget 0: a search needs a budget of at least 1 network"),
        ("--budget -3", "--budget -3: a search needs a budget of at least 1 network"),
        ("--objectives acuracy,params", "unknown metric 'acuracy', did you mean 'accuracy'?"),
        ("--objectives accuracy,", "unknown metric ''"),
        ("--objectives params,macs", "accuracy must be among them"),
        ("--objectives accuracy,params,params", "name each objective once"),
        ("--space lru_vgnt", "did you mean 'lru_vgnet'?"),
        ("--space lrunet_14_1x", "no value is open, so this is a network, not a space"),
        ("--data fashion_mnst", "did you mean 'fashion_mnist'?"),
        ("--sampler tep", "unknown sampler 'tep', did you mean 'tpe'?"),
        ("--max-params 100", "no network of small was found within the limits; in the nearest,"),
        ("--max-macs lots", "--max-macs lots: write a whole number above 0, as in"),
        ("--workers many", "--workers many: write local, or a number of workers"),
        ("--address localhost:6379", "--address localhost:6379 would do nothing"),
        ("--task-timeout 0", "--task-timeout 0: write a number of seconds above 0"),
        ("--storage nonsense", "--storage nonsense: cannot be opened: "),
        ("--storage sqlite:////proc/none/x.db", "unable to open database file"),
        ("--set stages.0.depht=1", "depht"),
        ("--out /proc/run", "/proc/run: cannot be used: "),
    ],
)
def test_a_mistake_is_one_message_and_leaves_no_folder(
    nas: Nas, search_words: list[str], tmp_path: Path, options: str, message: str
) -> None:
    before = set(tmp_path.iterdir())
    message_printed = refused(nas(*search_words, *options.split(" ")))

    assert message_printed.startswith("nas: ")
    assert message in message_printed
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("options", ["--budget abc", "--epochs 0", "--seed -1", "--bugdet 3"])
def test_an_option_that_cannot_be_read_is_a_usage_error(
    nas: Nas, search_words: list[str], options: str
) -> None:
    ended = nas(*search_words, *options.split(" "))

    assert ended.status == 2
    assert "Traceback" not in ended.err
    assert options.split(" ")[0] in ended.err


def test_a_postgresql_that_nobody_answers_is_said(nas: Nas, search_words: list[str]) -> None:
    printed = refused(nas(*search_words, "--storage", "postgresql://ann:pw@127.0.0.1:1/x"))

    # Where the driver is installed the connection is refused; elsewhere the driver is missing.
    assert "cannot be opened" in printed or "driver is not installed" in printed
    assert "ann:***@" in printed


def test_a_folder_in_use_or_full_is_left_alone(
    nas: Nas, search_words: list[str], tmp_path: Path
) -> None:
    assert nas(*search_words).status == 0
    assert "holds a search already; continue it with" in refused(nas(*search_words))
    session = open_run(tmp_path / "run")
    with session.folder.lock():
        message = refused(nas("resume", tmp_path / "run", "--workers", "local"))

    assert "another process is running this search" in message


def drive_held_up(words: list[str], began: Path, go_on: Path) -> None:
    """`nas` in a process of its own, whose trainings say that they began, and wait."""
    train = Evaluator._evaluate

    def held_up(self: Evaluator, task: Task) -> TrialResult:
        began.touch()
        while not go_on.exists():
            time.sleep(0.01)
        return train(self, task)

    with mock.patch.object(Evaluator, "_evaluate", held_up):
        sys.argv = ["nas", *words]
        main()


def test_two_drivers_in_one_folder_share_the_budget(
    nas: Nas, search_words: list[str], tmp_path: Path
) -> None:
    """The second joins while the first is in its first training, and ends with the search."""
    assert nas(*search_words, "--budget", "1").status == 0
    run, began, go_on = (tmp_path / name for name in ("run", "began", "go_on"))
    words = ["resume", str(run), "--join", "--workers", "local", "--budget", "6"]
    # A fork, so that torch need not be loaded again.
    forks = multiprocessing.get_context("fork")
    first = forks.Process(target=drive_held_up, args=(words, began, go_on))
    first.start()
    while not began.exists():
        time.sleep(0.01)
        assert first.is_alive()
    assert "another process is running this search" in refused(nas("resume", run))
    assert "--budget 9: another process is running" in refused(nas("resume", run, "--budget", 9))
    train = Evaluator._evaluate

    def both_at_work(self: Evaluator, task: Task) -> TrialResult:
        go_on.touch()
        return train(self, task)

    with mock.patch.object(Evaluator, "_evaluate", both_at_work):
        joined = nas(*words)
    first.join()

    assert (joined.status, joined.err, first.exitcode) == (0, "", 0)
    assert "6 of 6 networks evaluated" in joined.out
    session = open_run(run)
    found = [one for one in load_evaluations(session.problem, session.address) if one.scores]
    assert len(found) == len({one.arch.id for one in found}) == 6
    assert (run / "log.txt").read_text().count("begins with in process") == 3


def test_a_deterministic_search_has_one_driver(
    nas: Nas, search_words: list[str], tmp_path: Path
) -> None:
    assert nas(*search_words, "--deterministic").status == 0
    message = refused(nas("resume", tmp_path / "run", "--join", "--budget", "5"))

    assert "--join: " in message
    assert "is a search with --deterministic, whose results come in the order" in message
    assert "one driver more --workers" in message


def test_sqlite_works_and_resumes(nas: Nas, search_words: list[str], tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'studies.db'}"
    assert nas(*search_words, "--storage", storage, "--budget", "2").status == 0
    resumed = nas("resume", tmp_path / "run", "--workers", "local")

    assert resumed.status == 0
    assert "This search is finished" in resumed.out
    (tmp_path / "studies.db").unlink()
    assert "No such file or directory" in refused(nas("resume", tmp_path / "run"))
    assert not (tmp_path / "studies.db").exists()


def test_failures_are_counted_with_an_example(
    nas: Nas, search_words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(self: Evaluator, task: object) -> None:
        raise ZeroDivisionError("seven by [nought]")

    monkeypatch.setattr(Evaluator, "_evaluate", break_down)
    ended = nas(*search_words)

    assert ended.status == 1
    assert "nas export" not in ended.out
    assert "0 networks trained, 0 on the front, hypervolume 0.0000; 3 failed." in ended.out
    assert "Failed: 3 x ZeroDivisionError, for instance trial 0: seven by [nought]" in ended.out
    refused = nas("export", search_words[-1])
    assert refused.status == 2
    assert "no network was trained, 3 failed; `nas report" in refused.err
    assert "--budget 6`" in refused.err


def test_a_search_under_nohup_outlives_its_terminal(
    nas: Nas, search_words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Evaluator._evaluate

    def hung_up(self: Evaluator, task: object) -> object:
        os.kill(os.getpid(), signal.SIGHUP)
        return train(self, task)  # type: ignore[arg-type]

    monkeypatch.setattr(Evaluator, "_evaluate", hung_up)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        ended = nas(*search_words)
    finally:
        signal.signal(signal.SIGHUP, before)

    assert ended.status == 0


@pytest.mark.xdist_group("ray")
def test_a_ray_that_nobody_answers_is_said(
    nas: Nas, search_words: list[str], tmp_path: Path
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    words = [word for word in search_words if word not in ("--workers", "local")]
    message = refused(nas(*words, "--address", f"127.0.0.1:{port}"))

    assert "no Ray to be had: nothing answers there" in message
    # The search is ready all the same, and can be run elsewhere.
    assert nas("resume", tmp_path / "run", "--workers", "local").status == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Every network is trained for about 190 passes over 63 images"),
        (
            ("--epochs", "4", "--train-images", "60", "--ladder", "1@4,2"),
            "Every network is trained for 1 epoch over 60 images at 4 pixels, then 2 epochs over "
            "60 images; the most promising, a third at most, climb to the next rung, the last "
            "being 4 epochs over 60 images",
        ),
    ],
)
def test_a_search_says_how_it_trains(
    nas: Nas, search_words: list[str], words: tuple[str, ...], said: str
) -> None:
    shortened = search_words.index("--train-images")
    del search_words[shortened : shortened + 2]
    assert said in nas(*search_words, *words, "--budget", "1").out.splitlines()
