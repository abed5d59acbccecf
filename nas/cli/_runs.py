"""The verb that lists runs: `nas runs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli._narrow import NarrowTable
from nas.cli._options import Json
from nas.cli._screen import Screen
from nas.units import quoted

if TYPE_CHECKING:
    from nas.run import RunLine

_HEADINGS = ("run", "state", "evaluated", "score", "best", "final", "front", "space")
_NUMERIC = frozenset({"evaluated", "best", "final", "front"})
_WHAT_BEST_IS = (
    "best: the score on validation images after the search's short training (a proxy's)."
)
_WHAT_FINAL_IS = "final: on test images, after `nas train RUN`; of the best on validation images."


def runs(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where runs are.")] = Path(
        "runs"
    ),
    as_json: Json = False,
) -> None:
    """List runs, the latest first: state, networks evaluated, best score, front."""
    screen = Screen(silent=as_json)
    screen.line(f"Runs in {folder}:")
    from nas.run import list_lines, list_summaries  # loads torch

    if as_json:
        screen.result(list_summaries(folder))
        return
    found = list_lines(folder)
    if not found:
        screen.line(_none(folder))
        return
    screen.show(
        NarrowTable(headings=_HEADINGS, rows=[_row(one) for one in found], numeric=_NUMERIC)
    )
    for words in (
        *(f"{one.path.name}: {one.state}: {one.reason}" for one in found if one.error),
        *([_WHAT_BEST_IS] if any(one.best for one in found) else []),
        *([_WHAT_FINAL_IS] if any(one.final for one in found) else []),
    ):
        screen.line(words)


def _row(one: RunLine) -> tuple[str, ...]:
    if one.error:
        return (one.path.name, one.state, *("" for _ in _HEADINGS[2:]))
    evaluated = f"{one.evaluated}/{one.budget}"
    figures = (one.score, one.best or "-", one.final, str(one.front), one.space)
    return (one.path.name, one.state, evaluated, *figures)


def _none(folder: Path) -> str:
    if (folder / "search.json").is_file():
        return f"No runs in {folder}: it is a run itself; `nas report {quoted(folder)}` shows it."
    return f"No runs in {folder}."
