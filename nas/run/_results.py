"""What a run found: the front as table and picture, and networks as code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.arch import summarize
from nas.errors import OptionError, RunFolderError
from nas.export import Provenance, export_network
from nas.report import best_row, front_rows, knee_row, write_report
from nas.run._views import write_views
from nas.search import load_evaluations

if TYPE_CHECKING:
    from pathlib import Path

    from nas.export import Exported
    from nas.report import FrontRow, Report
    from nas.run._session import Session
    from nas.trial import Evaluation

PICKS = ("best", "knee", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """A run's trials and the files made from them."""

    evaluations: tuple[Evaluation, ...]
    report: Report
    hypervolume: float
    """Share of the run's box, in [0, 1]."""


def report_run(session: Session) -> RunReport:
    """Write the report of a run, finished or not: page, picture, tables. Raises UserError."""
    evaluations = load_evaluations(session.problem, session.address)
    objectives = session.problem.objectives
    report = write_report(
        session.folder.path,
        evaluations,
        objectives,
        limits=session.problem.limits,
        dataset=session.settings.data,
        title=f"{session.problem.space.name} on {session.settings.data}",
        describe=summarize,
    )
    write_views(session)
    values = [row.values(objectives) for row in report.front]
    return RunReport(
        evaluations=evaluations, report=report, hypervolume=session.box.hypervolume(values)
    )


def export_run(
    session: Session, pick: str, folder: Path, *, materialized: bool = False
) -> tuple[Exported, ...]:
    """Write networks of a run's front as code, weights and model file into `folder`.

    `pick` is best, knee, all, or the beginning of an id; `materialized` writes generated kernels
    instead of parameter rings. Raises UserError.
    """
    evaluations = load_evaluations(session.problem, session.address)
    rows = front_rows(evaluations, session.problem.objectives, limits=session.problem.limits)
    if not rows:
        raise RunFolderError(
            f"{session.folder.path}: no network has been evaluated yet; continue the search with "
            f"`nas resume {session.folder.path}`"
        )
    by_number = {evaluation.number: evaluation for evaluation in evaluations}
    return tuple(
        _export(session, row, by_number[row.trial], folder, materialized)
        for row in _pick(session, rows, pick)
    )


def _pick(session: Session, rows: tuple[FrontRow, ...], pick: str) -> tuple[FrontRow, ...]:
    if pick == "all":
        return rows
    if pick == "best":
        return (rows[best_row(rows)],)
    if pick == "knee":
        return (rows[knee_row(rows, session.problem.objectives)],)
    matching = tuple(row for row in rows if row.arch_id.startswith(pick))
    if len(matching) != 1:
        what = "several networks" if matching else "no network"
        raise OptionError(
            f"--pick {pick}: {what} on the front begin{'' if matching else 's'} so; write "
            f"{', '.join(PICKS)} or an id from {session.folder.path / 'front.csv'}"
        )
    return matching


def _export(
    session: Session, row: FrontRow, evaluation: Evaluation, folder: Path, materialized: bool
) -> Exported:
    problem = session.problem
    return export_network(
        folder,
        evaluation.arch,
        input_shape=problem.input_shape,
        num_classes=problem.num_classes,
        weights=session.folder.read_weights(row.arch_id),
        provenance=_provenance(session, row),
        materialized=materialized,
    )


def _provenance(session: Session, row: FrontRow) -> Provenance:
    problem, settings = session.problem, session.settings
    epochs, count = settings.fidelity.epochs, settings.fidelity.train_images
    images = f"{count:,}" if count else "all"
    shape = "x".join(map(str, problem.input_shape))
    version = session.folder.read_json("environment.json")["packages"].get("reuse-nas")
    return Provenance(
        claim=(
            f"{row.cost.params:,} parameters, {row.cost.macs:,} multiply-accumulates for a "
            f"{shape} image. Validation accuracy {row.scores.accuracy:.4f} on {settings.data} "
            f"after a proxy training of {epochs} epochs over {images} images "
            "(one seed; these are its weights). Train it in full before use."
        ),
        origin=(
            f"Found by nas {version}: trial {row.trial} of a search of {settings.space} with "
            f"budget {settings.budget}, sampler {settings.sampler}, seed {settings.seed}."
        ),
        preprocessing=(
            f"Input: float images (B, {shape.replace('x', ', ')}), {_statistics(session)}."
        ),
        weights_file=None,
    )


def _statistics(session: Session) -> str:
    facts = session.folder.read_json("search.json")["facts"]
    scale = 1 if facts["bounded"] else 255
    mean, std = (
        ", ".join(f"{scale * value:.4f}" for value in facts[name]) for name in ("mean", "std")
    )
    values = "in [0, 1]" if facts["bounded"] else "of the values that the data have"
    return (
        f"{values}, each channel less its mean and divided by its standard deviation over the "
        f"training images (mean {mean}; standard deviation {std})"
    )
