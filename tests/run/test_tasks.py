"""Searches for tasks that are not one class an image, from data to exported code."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from nas.data import DataOptions
from nas.errors import OptionError
from nas.final import FinalistsSettings, train_finalists
from nas.metrics import limit_of
from nas.model import build_model
from nas.run import WorkerConfig, create_run, quantize_front, run_search
from nas.space import load_space
from nas.trial import Fidelity
from tests.small_data import blobs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.run import SearchSettings

    MakeSettings = Callable[..., SearchSettings]

DENSE = """
stem: {conv: {channels: {choice: [4, 8]}, stride: 1}}
stages:
  - {channels: {choice: [8, 12]}, stride: 2, transition: conv, block: separable}
head: {pixels: {upsample: 2}}
"""


def _settings(make: MakeSettings, tmp_path: Path, task: str, space: str | None) -> SearchSettings:
    images, labels = blobs(60)
    targets = {
        "classification": labels,
        "multilabel": np.stack([labels % 2, labels // 2], 1),
        "segmentation": (images > 100).astype(np.int64),
        "regression": labels / 3,
    }[task]
    np.savez(tmp_path / "data.npz", images=images, labels=targets)
    changed: dict[str, object] = {
        "data": str(tmp_path / "data.npz"),
        "data_options": DataOptions(task=task),  # type: ignore[arg-type]
        "budget": 1,
        "objectives": (SCORES[task], "params"),
        "ladder": (),
    }
    if space is not None:
        (tmp_path / "space.yaml").write_text(space)
        changed["space"] = str(tmp_path / "space.yaml")
    return make(**changed)


SCORES = {
    "classification": "balanced_accuracy",
    "multilabel": "average_precision",
    "segmentation": "mean_iou",
    "regression": "accuracy",
}


def task_score(task: str) -> str:
    """What a full training's claim is about."""
    return "accuracy" if task == "classification" else SCORES[task].replace("_", " ")


ALIKE = ("multilabel", "regression")
"""Tasks that go the way of classification."""


@pytest.mark.parametrize(
    "task",
    [pytest.param(one, marks=pytest.mark.slow) if one in ALIKE else one for one in SCORES],
)
def test_a_search_of_every_task_ends_in_code(
    settings: MakeSettings, tmp_path: Path, task: str
) -> None:
    space = DENSE if task == "segmentation" else None
    run = create_run(_settings(settings, tmp_path, task, space), tmp_path / "run").run

    assert run_search(run, WorkerConfig(workers="local")).evaluated == 1

    (member,) = run.front()
    score = run.problem.objectives[0].value(member.cost, member.scores)
    assert 0 <= score <= 1
    (files,) = run.export("best", tmp_path / "net")
    text = files.module.read_text()
    assert ("class Pixels" in text) == (task == "segmentation")

    run.report()
    picture, page = run.path / "masks.png", (run.path / "report.html").read_text()
    assert picture.exists() == (task == "segmentation")
    assert ("true masks" in page) == (task == "segmentation")
    if picture.exists():
        height, width, _ = imread(picture).shape
        assert width > height > 300

    if task != "classification":
        with pytest.raises(OptionError, match=f"int8: .* checked for classes, not for {task}"):
            quantize_front(run)
        for words in ({"qat": 1}, {"tflite": True}):
            with pytest.raises(OptionError, match=r"`qat` and `tflite`|tflite"):
                run.export("best", tmp_path / "int8", **words)  # type: ignore[arg-type]
        assert not (tmp_path / "int8").exists()

    asked = FinalistsSettings(finalists=1, seeds=1, recipe="light", overrides=("epochs=2",))
    final = train_finalists(run.path, asked)
    assert final.score == SCORES[task]
    (one,) = run.finals()
    measured = {"accuracy": one.scores.accuracy} | one.scores.custom
    assert final.members[0].validation == measured[SCORES[task]]
    assert one.evidence.metric == final.score or task == "classification"
    (files,) = run.export("best", tmp_path / "net", force=True)
    assert f"Test {task_score(task)} " in json.loads(files.record.read_text())["claim"]


def test_a_report_does_without_masks_that_cannot_be_drawn(
    settings: MakeSettings, tmp_path: Path
) -> None:
    run = create_run(_settings(settings, tmp_path, "segmentation", DENSE), tmp_path / "run").run
    run_search(run, WorkerConfig(workers="local"))
    (member,) = run.front()
    content = run.folder.weights(member.arch_id).read_bytes()
    run.folder.weights(member.arch_id).unlink()

    (said,) = run.report().left_out
    assert "weights of this network cannot be read" in said
    assert (run.path / "report.html").exists()
    assert not (run.path / "masks.png").exists()
    run.folder.weights(member.arch_id).write_bytes(content)
    (tmp_path / "data.npz").rename(tmp_path / "elsewhere.npz")
    assert "no such file" in run.report().left_out[0]
    (tmp_path / "elsewhere.npz").rename(tmp_path / "data.npz")
    assert run.report().left_out == ()
    assert (run.path / "masks.png").exists()


@pytest.mark.parametrize(("task", "space"), [("segmentation", None), ("multilabel", DENSE)])
def test_heads_must_suit_the_task(
    settings: MakeSettings, tmp_path: Path, task: str, space: str | None
) -> None:
    with pytest.raises(OptionError, match=f"its heads do not suit `task` {task}"):
        create_run(_settings(settings, tmp_path, task, space), tmp_path / "run")


SEVERAL = """
stem: {conv: {channels: {choice: [4, 8]}, stride: 2}}
stages: [{channels: 8, stride: 2, block: conv}]
head: {multi: {heads: [{name: place, outputs: 2, head: gap_linear}, {name: size, outputs: 1, head: gap_linear}]}}
"""  # noqa: E501


def test_several_heads_share_out_the_numbers_of_the_data(
    settings: MakeSettings, tmp_path: Path
) -> None:
    asked = _settings(settings, tmp_path, "regression", SEVERAL)
    images, labels = blobs(60)
    numbers = np.stack([labels % 2, labels // 2, labels / 3], 1)
    with pytest.raises(OptionError, match="needs 1 outputs in all, and the heads have 3"):
        create_run(asked, tmp_path / "refused")
    np.savez(tmp_path / "data.npz", images=images, labels=numbers.astype(np.float32))
    run = create_run(asked, tmp_path / "run").run

    assert run_search(run, WorkerConfig(workers="local")).evaluated == 1

    (member,) = run.front()
    place, size = member.model()(torch.zeros(2, *run.problem.input_shape))
    assert (place.shape, size.shape) == ((2, 2), (2, 1))
    (files,) = run.export("best", tmp_path / "net")
    assert json.loads(files.record.read_text())["onnx"]["output"] == "place, size"


def test_a_score_of_another_task_is_refused(settings: MakeSettings, tmp_path: Path) -> None:
    plain = _settings(settings, tmp_path, "classification", None)

    with pytest.raises(OptionError, match="mean_iou is measured for segmentation"):
        create_run(replace(plain, objectives=("mean_iou", "params")), tmp_path / "run")


def test_signals_are_searched_as_pictures(settings: MakeSettings, tmp_path: Path) -> None:
    """Tones that rise, fall or stay, as 40 bands of frequency by 100 moments."""
    time, number = np.arange(100), np.arange(60)
    slope = (number % 3 - 1)[:, None] * 0.2
    band = 20 + slope * (time - 50) + (number % 5)[:, None]
    power = np.exp(-((np.arange(40)[None, :, None] - band[:, None, :]) ** 2) / 8)
    np.savez(tmp_path / "tones.npz", images=power.astype(np.float32), labels=number % 3)
    made = settings(
        space="keywords",
        data=str(tmp_path / "tones.npz"),
        budget=1,
        ladder=(),
        objectives=("accuracy", "params"),
        fidelity=Fidelity(epochs=4, train_images=60, batch_size=8),
        limits=(limit_of("macs", "2M"),),
    )
    run = create_run(made, tmp_path / "run").run

    assert run_search(run, WorkerConfig(workers="local")).evaluated == 1
    (member,) = run.front()
    assert run.problem.input_shape == (1, 40, 100)
    assert member.scores.accuracy > 0.6


def test_the_space_dense_gives_a_class_to_each_pixel() -> None:
    space = load_space("dense")
    arch = space.decode(space.random_genome(random.Random(0)))

    model = build_model(arch, in_channels=1, num_classes=5)

    assert model(torch.rand(2, 1, 32, 48)).shape == (2, 5, 32, 48)
