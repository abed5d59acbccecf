"""What a report says of networks trained in full, and what an export would take of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.cli._flags import with_flags
from nas.cli._screen import command
from nas.errors import RunFolderError

if TYPE_CHECKING:
    from nas.cli._screen import Screen
    from nas.run import Run


def print_finals(screen: Screen, run: Run) -> None:
    """The final front with its own best and knee, where `nas train RUN` has left one."""
    from nas.cli._train_print import print_final_front
    from nas.final import read_final_front
    from nas.run import final_picks

    try:
        picks = final_picks(run)
        front = read_final_front(run.path)
    except RunFolderError as error:
        screen.line(f"The final front is left out here: {with_flags(str(error))}")
        return
    print_final_front(screen.console, front, run.path, picks)


def export_words(run: Run) -> tuple[str, str]:
    """The command that writes the knee, and what that is now."""
    words = ("nas", "export", run.path, "--pick", "knee")
    try:
        return command(*words), _export_purpose(run)
    except RunFolderError:  # a damaged final front, which has been told of
        return command(*words, "--proxies"), "PyTorch code and weights as the search trained them"


def _export_purpose(run: Run) -> str:
    from nas.run import final_picks

    (chosen,) = run.pick("knee")
    is_final = chosen.arch_id in final_picks(run).values()
    front = "final front, trained in full" if is_final else "front, with its proxy weights"
    return f"{chosen.arch_id} as PyTorch code and weights: the knee of the {front}"


def resume_words(run: Run) -> str:
    """The command that searches on, past a budget that is spent."""
    if run.state == "finished":
        return command("nas", "resume", run.path, "--budget", 2 * run.settings.budget)
    return command("nas", "resume", run.path)
