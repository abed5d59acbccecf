"""What came of a full training: figures with their spread, weights to keep, code."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.arch import summarize
from nas.cost import cost_of
from nas.export import Deployment, Evidence, Inputs, Provenance, export_network
from nas.report import replacing
from nas.train import EpochRecord, task_of
from nas.trial import Fidelity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.data import ImageData
    from nas.final._folder import TrainingFolder
    from nas.final._plan import TrainingPlan

TEST_NOTE = (
    "scored once, after the last training had ended; epoch and weights were chosen by validation "
    "images alone"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedResult:
    """One seed's training."""

    seed: int
    history: tuple[EpochRecord, ...]
    chosen: int
    """The epoch whose weights were kept."""
    kernels: str
    """What computed its steps, and why."""
    diverged: str | None = None
    """What was no longer finite, and when; then there is no history."""

    @classmethod
    def failed(cls, seed: int, why: str) -> SeedResult:
        """Of a training that diverged."""
        return cls(seed=seed, history=(), chosen=0, kernels="", diverged=why)

    @property
    def epochs(self) -> range:
        """Positions in the history."""
        return range(len(self.history))

    @property
    def validation(self) -> dict[str, float]:
        """Metrics of the chosen epoch."""
        return self.history[self.chosen - 1].validation

    def write(self, place: Path) -> None:
        """Write `history.json`. Raises RunFolderError."""
        with replacing(place / "history.json") as draft:
            draft.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")

    @classmethod
    def of(cls, plain: dict[str, Any]) -> SeedResult:
        """The inverse of what `write` writes."""
        history = tuple(EpochRecord(**record) for record in plain["history"])
        return cls(**plain | {"history": history})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The weights that one seed's training kept, judged when nothing is left to choose."""

    test: dict[str, float]
    """Metrics of the test images."""
    test_images: int
    test_seen: int | None
    """Of these, images that are among those trained or validated on; None where not compared."""
    missed_classes: tuple[str, ...]
    """Those of which no validation image is recognised; none where images have no one class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalReport:
    """The figures of a full training, as `report.json` has them."""

    model: dict[str, Any]
    """Name, id, summary and exact costs."""
    data: dict[str, Any]
    recipe: str
    seeds: tuple[dict[str, Any], ...]
    """Of each: seed, epochs, chosen_epoch, train_s, validation, test, missed_classes (names of
    those of which no validation image is recognised)."""
    validation: dict[str, dict[str, float | None]]
    """Mean and standard deviation over seeds of each metric; no deviation of a single seed."""
    test: dict[str, dict[str, float | None]]
    kept_seed: int
    """Whose weights are in `weights.safetensors`: the best on validation images."""
    test_note: str = TEST_NOTE
    environment: dict[str, Any] = field(default_factory=dict)

    @property
    def missed_classes(self) -> tuple[str, ...]:
        """Those that a seed or more never recognises, in the order of the seeds."""
        return tuple(
            dict.fromkeys(name for one in self.seeds for name in one.get("missed_classes", ()))
        )

    @classmethod
    def read(cls, folder: TrainingFolder) -> FinalReport:
        """Read `report.json`. Raises RunFolderError."""
        plain = folder.read_json("report.json")
        return cls(**plain | {"seeds": tuple(plain["seeds"])})


def write_results(
    folder: TrainingFolder,
    plan: TrainingPlan,
    data: ImageData,
    results: Sequence[SeedResult],
    judged: Sequence[Judged],
) -> FinalReport:
    """Write weights and code of the best seed, then the report. Raises RunFolderError."""
    score = task_of(data).score
    kept = max(results, key=lambda one: one.validation[score])
    report = _report(plan, data, results, judged, kept.seed)
    weights = (folder.seed(kept.seed) / "weights.safetensors").read_bytes()
    folder.write("weights.safetensors", weights)
    export_network(
        folder.path / "export",
        plan.arch,
        input_shape=data.input_shape,
        num_classes=data.num_classes,
        weights=weights,
        provenance=_provenance(plan, data, report),
        deployment=Deployment(
            inputs=Inputs.of(data),
            evidence=_evidence(report, task_of(data).score),
            data=data,
            fidelity=Fidelity(epochs=1),
        ),
    )
    folder.write_json("report.json", asdict(report))
    return report


def _evidence(report: FinalReport, score: str) -> Evidence:
    """The test figure that the task is judged by, over seeds, and what it rests on."""
    judged, kept = report.test[score], report.seeds[0]
    assert judged["mean"] is not None
    return Evidence(
        dataset=Path(report.data["name"]).name,
        accuracy=judged["mean"],
        metric=score,
        split="test",
        images=report.data["test_images"],
        training="full",
        trained=(
            f"{kept['epochs']} epochs of recipe {report.recipe} over "
            f"{report.data['train_images']:,} images; the weights are those of seed "
            f"{report.kept_seed}, chosen by validation"
        ),
        seeds=len(report.seeds),
        deviation=judged["std"],
    )


def _report(
    plan: TrainingPlan,
    data: ImageData,
    results: Sequence[SeedResult],
    judged: Sequence[Judged],
    kept_seed: int,
) -> FinalReport:
    cost = cost_of(plan.arch, input_shape=data.input_shape, num_classes=data.num_classes)
    known = {name: value for name, value in asdict(cost).items() if value is not None}
    return FinalReport(
        model={
            "name": plan.arch.name,
            "id": plan.arch.id,
            "summary": summarize(plan.arch),
            **known,
        },
        data={
            "name": data.name,
            "train_images": len(data.train),
            "val_images": len(data.val),
            "test_images": judged[0].test_images,
            "test_images_seen": judged[0].test_seen,
            "input_shape": list(data.input_shape),
            "class_names": list(data.class_names),
        },
        recipe=plan.recipe.name,
        seeds=tuple(_seed(result, one) for result, one in zip(results, judged, strict=True)),
        validation=_spread([result.validation for result in results]),
        test=_spread([one.test for one in judged]),
        kept_seed=kept_seed,
        environment=_environment(plan),
    )


def _seed(result: SeedResult, judged: Judged) -> dict[str, Any]:
    return {
        "seed": result.seed,
        "epochs": len(result.history),
        "chosen_epoch": result.chosen,
        "kernels": result.kernels,
        "train_s": round(result.history[-1].elapsed_s, 1),
        "validation": result.validation,
        "test": judged.test,
        "missed_classes": list(judged.missed_classes),
    }


def _spread(measured: Sequence[dict[str, float]]) -> dict[str, dict[str, float | None]]:
    return {
        name: {
            "mean": statistics.fmean(one[name] for one in measured),
            "std": statistics.stdev(one[name] for one in measured) if len(measured) > 1 else None,
        }
        for name in measured[0]
    }


def _environment(plan: TrainingPlan) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in ("reuse-nas", "torch", "torchvision")},
        "cpus": os.cpu_count(),
        "device": plan.settings.device,
        "threads": plan.settings.threads,
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _provenance(plan: TrainingPlan, data: ImageData, report: FinalReport) -> Provenance:
    kept = next(one for one in report.seeds if one["seed"] == report.kept_seed)
    shape = "x".join(map(str, data.input_shape))
    several, score = "", task_of(data).score
    if len(report.seeds) > 1:
        mean, std = report.test[score]["mean"], report.test[score]["std"]
        several = f" (over {len(report.seeds)} seeds: mean {mean:.4f}, deviation {std:.4f})"
    count, words = len(data.train), score.replace("_", " ")
    means, stds = (", ".join(f"{value:.4f}" for value in row) for row in (data.mean, data.std))
    name = Path(data.name).name
    return Provenance(
        claim=(
            f"{report.model['params']:,} parameters, {report.model['macs']:,} "
            f"multiply-accumulates for a {shape} image. Test {words} "
            f"{kept['test'][score]:.4f}{several} on {name}, validation {words} "
            f"{kept['validation'][score]:.4f}, after {kept['epochs']} epochs of recipe "
            f"{report.recipe} over {count:,} images (seed {report.kept_seed}, chosen by "
            "validation; these are its weights)."
        ),
        origin=plan.settings.origin
        or f"Trained by `nas train` from the model file {plan.arch.name}.",
        preprocessing=(
            f"Input: float images (B, {shape.replace('x', ', ')}) in [0, 1], each channel "
            "less its mean and divided by its standard deviation over the training images "
            f"(mean {means}; standard deviation {stds})."
        ),
        weights_file=None,
    )
