from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console
from rich.text import Text

from nas.report import Progress, Snapshot

START = Snapshot(budget=40, finished=0, running=2, workers=2, dashboard="127.0.0.1:8265")


def run_in_log(snapshots: list[Snapshot]) -> list[str]:
    console = Console(file=StringIO(), width=60)
    with Progress(console) as progress:
        for snapshot in snapshots:
            progress.update(snapshot)
    return console.file.getvalue().splitlines()


def test_a_log_gets_a_line_a_tenth_of_the_budget() -> None:
    lines = run_in_log([replace(START, finished=n, elapsed_s=2.0 * n) for n in range(41)])

    assert lines[0] == "2 workers, Ray dashboard 127.0.0.1:8265"
    assert [line.split()[0] for line in lines[1:]] == [f"[{n}/40]" for n in range(0, 41, 4)]


def test_a_line_has_all_the_figures() -> None:
    snapshot = Snapshot(
        budget=40,
        finished=9,
        running=2,
        duplicates=3,
        rejected=5,
        failed=1,
        score="mean iou",
        best="87.65 %",
        front_size=4,
        hypervolume=0.5,
        elapsed_s=100,
        workers=1,
    )

    assert run_in_log([replace(START, workers=1, dashboard=None), snapshot])[2] == (
        "[10/40] 9 finished, 2 running, 3 duplicate, 5 rejected, 1 failed"
        " | best mean iou 87.65 % | front 4 | hypervolume 0.5000 | elapsed 1:40 | left 5:00"
    )


def test_time_left_follows_this_session_alone() -> None:
    # Resumed at 30 of 40; five more took 50 s, so the last five take 50 s more.
    resumed = replace(START, finished=30)

    lines = run_in_log([resumed, replace(resumed, finished=35, elapsed_s=50)])

    assert "left -" in lines[1]
    assert lines[-1].endswith("elapsed 0:50 | left 0:50")


def test_of_budget_and_time_what_ends_first_is_shown() -> None:
    timed = replace(START, time_limit_s=100)
    lines = run_in_log([replace(timed, finished=n, elapsed_s=10 * n) for n in range(11)])

    assert [line.split()[0] for line in lines[1:]] == [f"[{n}/40]" for n in range(11)]
    assert [line.rpartition("left ")[2] for line in lines[1:4]] == ["1:40", "1:30", "1:20"]


def test_a_search_that_is_cut_short_still_prints_its_last_state() -> None:
    lines = run_in_log([START, replace(START, finished=1), replace(START, finished=2)])

    assert lines[-1].startswith("[2/40]")


def test_many_rejections_print_nothing() -> None:
    lines = run_in_log([replace(START, rejected=n) for n in range(500)])

    assert [line[:6] for line in lines[1:]] == ["[0/40]", "[0/40]"]


@pytest.mark.parametrize("width", [60, 100])
def test_a_terminal_gets_a_panel(width: int) -> None:
    console = Console(file=StringIO(), width=width, force_terminal=True, _environ={})
    last = replace(START, finished=10, best="50.00 %", hypervolume=0.25, elapsed_s=10)

    with Progress(console) as progress:
        progress.update(START)
        progress.update(last)

    written = console.file.getvalue()
    text = Text.from_ansi(written).plain
    assert "10/40" in text
    assert "50.00 %" in text
    assert "127.0.0.1:8265" in text
    assert written.endswith("\x1b[?25h")  # the cursor is shown again


def test_a_panel_is_as_wide_as_its_workers_and_their_dashboard() -> None:
    where = "http://10.120.130.140:8265 (token: `ray get-auth-token`)"
    console = Console(file=StringIO(), width=120, force_terminal=True, _environ={})

    with Progress(console) as progress:
        progress.update(replace(START, workers=16, dashboard=where))

    assert f"16 workers, Ray dashboard {where}" in Text.from_ansi(console.file.getvalue()).plain


def test_an_error_gives_the_screen_back() -> None:
    console = Console(file=StringIO(), force_terminal=True, _environ={})

    with pytest.raises(RuntimeError), Progress(console) as progress:
        progress.update(START)
        raise RuntimeError

    assert console.file.getvalue().endswith("\x1b[?25h")
