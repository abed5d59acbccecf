"""What `nas search` and `nas resume` say before, and after, a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.cli._final_print import export_words, resume_words
from nas.cli._flags import with_flags
from nas.cli._screen import Screen, command
from nas.units import human_large, human_seconds

if TYPE_CHECKING:
    from nas.run import Begun, Run, SearchOutcome, SearchSettings


def print_plan(screen: Screen, settings: SearchSettings) -> None:
    """What is going to be searched, before anything slow begins."""
    from nas.space import load_space

    space = load_space(settings.space, settings.overrides)
    screen.line(
        f"Searching {space.name} ({human_large(space.num_settings)} settings) on {settings.data} "
        f"for {', '.join(settings.objectives)}"
    )


def print_start(screen: Screen, begun: Begun) -> None:
    """What was read and decided, before anything trains."""
    run = begun.run
    for line in run.data.lines() if run.data else ():
        screen.line(with_flags(line))
    for line in _space(begun):
        screen.line(line)
    screen.line(_training(run))
    screen.line(
        f"Run folder {run.path}; whatever stops the search, finished networks are kept: go on "
        f"with {command('nas', 'resume', run.path)}"
    )
    screen.line()


def _space(begun: Begun) -> list[str]:
    probe, problem = begun.probe, begun.run.problem
    limits = " and ".join(map(str, problem.limits))
    shape = "x".join(map(str, problem.input_shape))
    share = f"{probe.legal / probe.settings:.0%} can be built for {shape} images"
    if limits:
        share += f" and {probe.feasible / probe.settings:.1%} keep {limits}"
    return [
        f"{begun.legal_share:.0%} of its settings describe a network; of "
        f"{probe.settings:,} random ones {share}",
        *([f"Never possible: {', '.join(begun.impossible)}"] if begun.impossible else []),
    ]


def _training(run: Run) -> str:
    *low, full = (one.over(run.facts.train_images) for one in run.settings.rungs)
    if not low:
        return f"Every network is trained for {full}"
    return (
        f"Every network is trained for {', then '.join(low)}; the most promising, a third at "
        f"most, climb to the next rung, the last being {full}"
    )


def print_end(screen: Screen, run: Run, outcome: SearchOutcome) -> None:
    """How it ended."""
    if outcome.exhausted:
        screen.line("No feasible network was found that has not been evaluated.")
    budget = run.settings.budget
    if outcome.evaluated >= budget and not (outcome.new or outcome.waiting):
        screen.line(
            f"This search is finished: its budget of {budget} networks is spent; go on with more: "
            f"{command('nas', 'resume', run.path, '--budget', 2 * budget)}"
        )
        return
    if outcome.out_of_time:
        screen.line(f"The time is over; {_what_became(run)}.")
    waiting = f"; {outcome.waiting} wait on the ladder" if outcome.waiting else ""
    screen.line(
        f"{outcome.evaluated} of {budget} networks evaluated, {outcome.new} of them now, in "
        f"{human_seconds(outcome.elapsed_s)}{waiting}."
    )


def _what_became(run: Run) -> str:
    """Of trainings that were under way when the time was over."""
    if run.settings.deterministic:
        return "trainings under way were dropped, and begin anew when the search goes on"
    return "trainings under way were finished"


def print_next(screen: Screen, run: Run, *, reported: bool = False) -> None:
    """Commands that go on from here, as they can be pasted into a shell.

    `reported` leaves the report out, which has just been made.
    """
    train = (command("nas", "train", run.path), "the best networks in full, and their final front")
    report = (command("nas", "report", run.path), "this table again, report files")
    verbs = (
        *([] if run.finals_file.exists() else [train]),
        export_words(run),
        *([] if reported else [report]),
        *([] if run.state == "running" else [(resume_words(run), "search on")]),
    )
    width = max(len(words) for words, _ in verbs)
    screen.line("\nNext:")
    for words, purpose in verbs:
        screen.line(f"  {words:{width}}  {purpose}")
