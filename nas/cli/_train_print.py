"""What `nas train` prints: how a training goes, its figures, and a run's final front."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from nas.cli._flags import with_flags
from nas.units import counted, human_count, human_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rich.console import Console

    from nas.data import ImageData
    from nas.final import FinalFront, FinalMember, FinalReport, TrainingJob, TrainingPlan
    from nas.train import EpochRecord, Recipe

_IN_UNITS = ("loss", "mean_absolute_error")
"""Metrics that are no shares of 1."""
_LOST = (
    "Classes without enough images end so, and those whose score a ReLU holds at 0 (head lru; "
    "relu: false leaves it out)."
)


class EpochLines:
    """Tells of trainings: the first and last epochs, and one every so often between.

    `label` says which training a line is about.
    """

    def __init__(self, console: Console, label: Callable[[TrainingJob], str]) -> None:
        self._console, self._label = console, label
        self._often_s = 10.0 if console.is_terminal else 60.0
        self._told_s: dict[str, float] = {}
        """By label."""

    def __call__(self, job: TrainingJob, record: EpochRecord) -> None:
        """Print a line, or none."""
        label = self._label(job)
        is_end = record.epoch in (1, record.num_epochs)
        if not is_end and 0 < record.elapsed_s - self._told_s.get(label, 0.0) < self._often_s:
            return
        self._told_s[label] = record.elapsed_s
        measured = record.validation
        self._console.print(
            f"{label}epoch {record.epoch}/{record.num_epochs}: training loss "
            f"{record.train_loss:.3f}, validation loss {measured['loss']:.3f}, accuracy "
            f"{100 * measured['accuracy']:.2f} %; {human_seconds(record.left_s)} left",
            highlight=False,
        )


def print_training_start(
    console: Console, plan: TrainingPlan, folder: Path, *, again: str
) -> None:
    """Say what is about to be trained, and by which command it goes on after a stop."""
    from nas.final import proxy_remarks

    recipe, settings = plan.recipe, plan.settings
    length = f"{recipe.epochs} epochs" if recipe.epochs else f"{recipe.steps:,} steps"
    seeds = f", {len(settings.seeds)} seeds" if len(settings.seeds) > 1 else ""
    threads = f" with {counted(settings.threads, 'thread')}"
    console.print(
        f"Training {plan.arch.name} ({plan.arch.id}) on {settings.data} by recipe {recipe.name}"
        f"{with_flags(plan.chosen)}: {length} at batch {recipe.batch_size}{seeds}, on "
        f"{settings.device}{threads if settings.device == 'cpu' else ''}; folder {folder}",
        highlight=False,
        soft_wrap=True,
    )
    for remark in proxy_remarks(settings.teacher, settings.init):
        console.print(with_flags(remark), highlight=False, soft_wrap=True, markup=False)
    console.print(
        f"Whatever stops it, it goes on to the same bits with: {again}",
        highlight=False,
        soft_wrap=True,
    )


def print_data(console: Console, data: ImageData, recipe: Recipe) -> None:
    """What was read, and what was decided of it."""
    from nas.data import summarize_data

    summary = summarize_data(data, advise_folds=False)
    if not recipe.augmentation.flip:
        reason = f"recipe {recipe.name} does without"
        summary = replace(summary, flip=False, flip_reason=reason)
    for line in (*summary.lines(), ""):
        console.print(with_flags(line), highlight=False, soft_wrap=True, markup=False)


def print_training_report(console: Console, report: FinalReport, folder: Path) -> None:
    """Accuracies with their spread, and where everything is."""
    from nas.final import seen_warning

    console.print(
        f"{report.model['name']}: {human_count(report.model['params'])} parameters, "
        f"{human_count(report.model['macs'])} MACs",
        highlight=False,
    )
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for heading in ("validation", "test"):
        table.add_column(heading, justify="right", no_wrap=True)
    several = len(report.seeds) > 1
    for one in report.seeds if several else ():
        table.add_row(
            f"accuracy of seed {one['seed']}, %",
            *(f"{100 * one[part]['accuracy']:.2f}" for part in ("validation", "test")),
        )
    for name in report.validation:
        words = name.replace("_", " ") + ", mean" * several + ", %" * (name not in _IN_UNITS)
        parts = (report.validation[name], report.test[name])
        table.add_row(words, *(_mean(one, share=name not in _IN_UNITS) for one in parts))
    console.print(table)
    for line in (
        *_spread_words(several),
        *_missed(report),
        f"Steps by {report.seeds[0]['kernels']}.",
        f"{report.data['test_images']:,} test images: {report.test_note}.",
        *seen_warning(report.data.get("test_images_seen")),
        f"Folder: {folder} (report.json, curves.csv, curves.png, weights.safetensors, export/)",
    ):
        console.print(line, highlight=False, soft_wrap=True)


def _mean(spread: dict[str, float | None], *, share: bool = True) -> str:
    mean, std = spread["mean"], spread["std"]
    assert mean is not None
    scale, digits = (100, 2) if share else (1, 4)
    spread_text = f" ± {scale * std:.{digits}f}" if std is not None else ""
    return f"{scale * mean:.{digits}f}{spread_text}"


def print_final_front(
    console: Console, front: FinalFront, folder: Path, picks: Mapping[str, str] | None = None
) -> None:
    """The finalists' accuracies, what they say of the proxies, and where everything is.

    `picks` are ids by `best` and `knee`, which stand beside those networks.
    """
    table = Table(
        title=f"Final front: {len(front.front)} of {len(front.members)} finalists, by "
        f"{front.score.replace('_', ' ')} after recipe {front.recipe}",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("id", no_wrap=True, min_width=12)
    costs = [one.label or one.title for one in front.costs]
    for heading in (*costs, "proxy, %", "validation, %", "test, %"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("front")
    for one in front.members:
        table.add_row(
            one.arch_id,
            *(cost.text(one.costs[cost.name]) for cost in front.costs),
            f"{100 * one.proxy:.2f}",
            _mean({"mean": one.validation, "std": one.validation_std}),
            _mean({"mean": one.test, "std": one.test_std}),
            ", ".join(("yes", *_names(one.arch_id, picks or {}))) if one.on_front else "",
        )
    console.print(table)
    for line in (
        *_spread_words(any(one.test_std is not None for one in front.members)),
        *_worth(front),
        *_unsteady(front),
        *_fallen(front),
        f"Folder: {folder / 'final'} (front.csv, front.png, final.json, networks/ID with weights "
        "and export/)",
    ):
        console.print(line, highlight=False, soft_wrap=True)


def _names(arch_id: str, picks: Mapping[str, str]) -> list[str]:
    return [name for name, picked in picks.items() if picked == arch_id]


def _spread_words(several: bool) -> list[str]:
    return ["±: standard deviation from seed to seed."] if several else []


def _worth(front: FinalFront) -> list[str]:
    found = front.agreement
    taus = {"proxy": found.tau, "predicted": found.tau_predicted}
    told = [f"{value:.2f} of {name}" for name, value in taus.items() if value is not None]
    ranked = f"; Kendall's tau with the final accuracy: {', '.join(told)}" if told else ""
    gained = f"{'gained' if found.gain >= 0 else 'lost'} {100 * abs(found.gain):.2f} points"
    lines = [f"Against the proxies full training {gained} on average{ranked}."]
    error = f" (standard error {100 * found.optimism_error:.2f})" if found.optimism_error else ""
    lines.append(
        f"Validation less test accuracy of the final front: {100 * found.optimism:+.2f} points"
        f"{error}; the test images were scored once, at the very end."
    )
    return lines


def _missed(report: FinalReport) -> list[str]:
    return [
        f"Seed {one['seed']} recognises no validation image of "
        f"{', '.join(one['missed_classes'])}. {_LOST}"
        for one in report.seeds
        if one.get("missed_classes")
    ]


def _unsteady(front: FinalFront) -> list[str]:
    return [_why_unsteady(one) for one in front.unsteady]


def _fallen(front: FinalFront) -> list[str]:
    names = ", ".join(front.diverged)
    return [f"Left out, because a training diverged: {names}."] if names else []


def _why_unsteady(one: FinalMember) -> str:
    begun = (
        f"{one.arch_id}: its seeds end far apart (standard deviation "
        f"{100 * (one.validation_std or 0):.1f} points)"
    )
    if one.missed_classes:
        return f"{begun}: one of them never recognises {', '.join(one.missed_classes)}. {_LOST}"
    return (
        f"{begun}, its networks/{one.arch_id}/curves.csv tells which fell; a lower optimizer.rate "
        "or --set optimizer.clip_norm=1 may hold it."
    )
