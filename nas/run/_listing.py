"""Every run in a folder of runs, in a line each; a damaged one hides no other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import OutageError, RunFolderError, UserError
from nas.metrics import METRICS, score_of
from nas.report import best_row
from nas.run._finals import read_final
from nas.run._open import last_written, open_run
from nas.run._results import summary_of

if TYPE_CHECKING:
    from nas.run._members import FrontMember
    from nas.run._run import Run

DAMAGED = "damaged"
"""The state of a run that cannot be read."""
_MARKS = ("search.json", "study.journal")
"""Files by either of which a run folder is known, should the other be lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One run as a list shows it; figures in words, empty where there are none."""

    path: Path
    state: str
    """As `Run.state`, or `damaged`."""
    error: str = ""
    """Of a damaged one: what is wrong, and what to do."""
    space: str = ""
    evaluated: int = 0
    budget: int = 0
    front: int = 0
    """Networks on the search's front."""
    score: str = ""
    """What the run searched for, as tables call it."""
    best: str = ""
    """That of the front's best network, as its proxy had it on validation images."""
    final: str = ""
    """Of the final front's best network on validation images: its score on test images."""

    @property
    def reason(self) -> str:
        """The first sentence of the error."""
        return self.error.partition("; ")[0].partition("\n")[0]


def list_lines(folder: Path | str = "runs") -> tuple[RunLine, ...]:
    """Every run in a folder of runs, the one written last first.

    Raises:
        RunFolderError: there is no such folder.
    """
    return tuple(map(_line, _run_folders(Path(folder))))


def list_summaries(folder: Path | str = "runs") -> list[dict[str, Any]]:
    """The same as programs want it: `summary_of` each, with its score and best figures.

    Raises:
        RunFolderError: there is no such folder.
    """
    return [_summary(path) for path in _run_folders(Path(folder))]


def _run_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise RunFolderError(
            f"{folder}: no such folder; name the one that holds your run folders, or make a first "
            "run with `nas search`"
        )
    found = {path.parent for mark in _MARKS for path in folder.glob(f"*/{mark}")}
    return sorted(found, key=lambda path: (-last_written(path), path))


def _line(path: Path) -> RunLine:
    try:
        return _line_of(open_run(path))
    except (UserError, OutageError) as error:
        return RunLine(path=path, state=DAMAGED, error=str(error))


def _line_of(run: Run) -> RunLine:
    front, score = run.front(), score_of(run.problem.objectives)
    best = _best(front, run)
    return RunLine(
        path=run.path,
        state=run.state,
        space=run.problem.space.name,
        evaluated=run.num_evaluated,
        budget=run.settings.budget,
        front=len(front),
        score=score.title,
        best="" if best is None else score.text(best),
        final=_final_words(run),
    )


def _best(front: tuple[FrontMember, ...], run: Run) -> float | None:
    """The score of the front's best network."""
    objectives = run.problem.objectives
    if not front:
        return None
    chosen = front[best_row(front, objectives)]
    return score_of(objectives).value(chosen.cost, chosen.scores)


def _final_words(run: Run) -> str:
    """With the metric's name where full training is judged by another one."""
    final = read_final(run)
    if final is None:
        return ""
    metric = METRICS.get(final.score)
    test = max(final.members, key=lambda one: one.validation).test
    words = metric.text(test) if metric else f"{test:.4f}"
    if final.score == score_of(run.problem.objectives).name:
        return words
    return f"{words} {metric.title if metric else final.score}"


def _summary(path: Path) -> dict[str, Any]:
    try:
        run = open_run(path)
        figures = {"score": score_of(run.problem.objectives).name, "best": _best(run.front(), run)}
        return summary_of(run) | figures | {"best_final": _final_figures(run)}
    except (UserError, OutageError) as error:
        return {"run": str(path), "state": DAMAGED, "error": str(error)}


def _final_figures(run: Run) -> dict[str, Any] | None:
    final = read_final(run)
    if final is None:
        return None
    best = max(final.members, key=lambda one: one.validation)
    return {
        "id": best.arch_id,
        "score": final.score,
        "validation": best.validation,
        "test": best.test,
    }
