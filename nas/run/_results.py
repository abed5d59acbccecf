"""What a run found: the front as table and picture, and networks as code."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.arch import summarize
from nas.errors import OptionError
from nas.export import Provenance, export_network, find_converter
from nas.metrics import score_of
from nas.report import best_row, knee_row, noise_remarks, weights_remarks, write_report
from nas.run._deployment import deployment_of, find_data
from nas.run._document import shown_trials, with_weights
from nas.run._environment import read_environment
from nas.run._finals import FinalNetwork
from nas.run._masks import write_masks
from nas.run._picks import final_picks
from nas.run._views import write_views

if TYPE_CHECKING:
    from nas.data import ImageData
    from nas.export import Deployment, Exported
    from nas.report import FrontRow, Report
    from nas.run._facts import RunFacts
    from nas.run._members import FrontMember
    from nas.run._run import Run
    from nas.trial import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """A run's trials and the files made from them."""

    evaluations: tuple[Evaluation, ...]
    report: Report
    hypervolume: float
    """Share of the run's box, in [0, 1]."""
    remarks: tuple[str, ...]
    """What the front's accuracies cannot tell and which of its weights are gone, in sentences."""
    left_out: tuple[str, ...] = ()
    """What could not be drawn, and why, in sentences."""


def report_run(run: Run, *, page: Path | None = None) -> RunReport:
    """Write the report of a run, finished or not: page, picture, tables. Raises UserError.

    `page` is a file to write the page to as well.
    """
    evaluations, shown = shown_trials(run)
    objectives = run.problem.objectives
    report = write_report(
        run.path,
        evaluations,
        objectives,
        limits=run.problem.limits,
        dataset=run.settings.data,
        title=f"{run.problem.space.name} on {run.settings.data}",
        describe=summarize,
    )
    left_out = write_masks(run)
    write_views(run, copy=page, evaluations=shown)
    values = [row.values(objectives) for row in report.front]
    return RunReport(
        evaluations=evaluations,
        report=report,
        hypervolume=run.box.hypervolume(values),
        remarks=(
            *noise_remarks(
                report.front,
                objectives,
                chance=run.chance,
                num_classes=run.problem.num_classes,
                images=run.val_images,
                task=run.settings.data_options.task,
            ),
            *weights_remarks(report.front, with_weights(run), run=str(run.path)),
        ),
        left_out=left_out,
    )


def summary_of(run: Run) -> dict[str, Any]:
    """What programs want to know of a run, ready for JSON.

    `picks` and `front` are the search's, by its proxies; what `nas export` writes stands under
    `final` where a final front is there.
    """
    front, objectives = run.front(), run.problem.objectives
    picks = (
        {"best": best_row(front, objectives), "knee": knee_row(front, objectives)} if front else {}
    )
    return {
        "run": str(run.path),
        "state": run.state,
        "budget": run.settings.budget,
        "trials": _counts(run),
        "hypervolume": run.hypervolume(),
        "picks": {name: front[place].arch_id for name, place in picks.items()},
        "front": [_member(row, run) for row in front],
        "final": {
            "picks": final_picks(run),
            "members": [
                _member(one, run) | {"on_front": one.on_front, "evidence": asdict(one.evidence)}
                for one in run.finals()
            ],
        },
    }


def _counts(run: Run) -> dict[str, int]:
    """Trials by state; `paused` are those that wait on the ladder."""
    counts: Counter[str] = Counter(one.state for one in run.trials())
    counts["paused"] = run.num_paused
    return {state: count for state, count in counts.items() if count}


def _member(row: FrontRow, run: Run) -> dict[str, Any]:
    values = zip(run.problem.objectives, row.values(run.problem.objectives), strict=True)
    return {
        "trial": row.trial,
        "id": row.arch_id,
        **{metric.column: value for metric, value in values},
        "network": row.description,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """How networks of a run are written; `Run.export` says what each means."""

    proxies: bool = False
    materialized: bool = False
    code_only: bool = False
    force: bool = False
    qat_epochs: int = 0
    tflite: bool = False

    def __post_init__(self) -> None:
        """Raise OptionError on what cannot be, before anything slow begins."""
        if self.qat_epochs < 0:
            raise OptionError(f"`qat` {self.qat_epochs}: write a number of epochs, 0 for none")
        if self.code_only and (self.tflite or self.qat_epochs):
            raise OptionError(
                "`code_only` and `tflite` or `qat` cannot be combined: 8 bits need data"
            )
        if self.tflite:
            find_converter()


def export_run(run: Run, pick: str, folder: Path, options: ExportOptions) -> tuple[Exported, ...]:
    """Write networks of a run into `folder`. Raises UserError."""
    _check_task(run, options)
    problem, members = run.problem, run.pick(pick, proxies=options.proxies)
    data = None if options.code_only else find_data(run)
    exported = []
    for member in members:
        member.model()  # raises where its weights do not fit: what fails below is our own fault
        files = export_network(
            folder,
            member.arch,
            input_shape=problem.input_shape,
            num_classes=problem.num_classes,
            weights=member.weights(),
            provenance=_provenance(run, member),
            materialized=options.materialized,
            deployment=_deployment(run, member, data, options) if data else None,
            force=options.force,
        )
        exported.append(files)
    return tuple(exported)


def _check_task(run: Run, options: ExportOptions) -> None:
    """OptionError where 8 bits are asked for, and nothing says what they leave of the score."""
    task = run.settings.data_options.task
    if (options.qat_epochs or options.tflite) and task != "classification":
        raise OptionError(
            f"`qat` and `tflite`: networks in 8 bits are checked for classes, not for {task}; "
            "leave them out"
        )


def _deployment(
    run: Run, member: FrontMember, data: ImageData, options: ExportOptions
) -> Deployment:
    made = deployment_of(run, member, data)
    return replace(made, qat_epochs=options.qat_epochs, tflite=options.tflite)


def _provenance(run: Run, row: FrontMember) -> Provenance:
    if isinstance(row, FinalNetwork):
        return row.provenance
    problem, settings = run.problem, run.settings
    score = score_of(problem.objectives)
    shape = "x".join(map(str, problem.input_shape))
    version = read_environment(run.folder).packages.get("reuse-nas")
    return Provenance(
        claim=(
            f"{row.cost.params:,} parameters, {row.cost.macs:,} multiply-accumulates for a "
            f"{shape} image. Validation {score.name.replace('_', ' ')} "
            f"{score.value(row.cost, row.scores):.4f} on "
            f"{Path(settings.data).name} "
            f"after a proxy training of {run.settings.fidelity.over(run.facts.train_images)} "
            f"({_seeds(run)} are its weights). Train it in full before use."
        ),
        origin=(
            f"Found by nas {version}: trial {row.trial} of a search of {settings.space} with "
            f"budget {settings.budget}, sampler {settings.sampler}, seed {settings.seed}."
        ),
        preprocessing=(
            f"Input: float images (B, {shape.replace('x', ', ')}), {_statistics(run.facts)}."
        ),
        weights_file=None,
    )


def _seeds(run: Run) -> str:
    folds = run.settings.fidelity.folds
    return f"mean of {folds} validation parts; the first's" if folds > 1 else "one seed; these"


def _statistics(facts: RunFacts) -> str:
    scale = 1 if facts.bounded else 255
    mean, std = (
        ", ".join(f"{scale * value:.4f}" for value in values) for values in (facts.mean, facts.std)
    )
    values = "in [0, 1]" if facts.bounded else "of the values that the data have"
    return (
        f"{values}, each channel less its mean and divided by its standard deviation over the "
        f"training images (mean {mean}; standard deviation {std})"
    )
