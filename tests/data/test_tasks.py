"""Labels that are not one class an image: several classes, masks, numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from nas.data import DataOptions, load_data, load_test, summarize_data
from nas.data._fit import resize_masks
from nas.errors import DataError, OptionError
from tests.small_data import blobs

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 48


def _targets(task: str) -> Any:
    images, labels = blobs(COUNT)
    return {
        "multilabel": np.stack([labels % 2, labels // 2], 1),
        "segmentation": (images > 100).astype(np.int64),
        "regression": np.stack([labels / 3, -labels], 1).astype(np.float64),
    }[task]


@pytest.mark.parametrize(
    ("task", "shape", "dtype"),
    [
        ("multilabel", (2,), torch.uint8),
        ("segmentation", (16, 16), torch.uint8),
        ("regression", (2,), torch.float32),
    ],
)
def test_arrays_of_every_task(
    tmp_path: Path, task: str, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    np.savez(tmp_path / "a.npz", images=blobs(COUNT)[0], labels=_targets(task))
    options = DataOptions(task=task)  # type: ignore[arg-type]

    data = load_data(str(tmp_path / "a.npz"), options=options)
    test = load_test(str(tmp_path / "a.npz"), options=options)

    assert data.num_classes == 2
    assert (len(data.train), len(data.val), len(test)) == (33, 7, 8)
    assert data.train.labels.shape == (33, *shape)
    assert data.train.labels.dtype == dtype
    assert summarize_data(data, test=test).lines()


def test_labels_stay_with_their_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=blobs(COUNT)[0], masks=_targets("segmentation"))

    data = load_data(str(tmp_path / "a.npz"), options=DataOptions(task="segmentation"))

    for part in (data.train, data.val):
        assert (part.pixels[:, 0] > 100).equal(part.labels == 1)


def test_images_with_the_same_classes_are_split_evenly(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=blobs(COUNT)[0], labels=_targets("multilabel"))

    data = load_data(str(tmp_path / "a.npz"), options=DataOptions(task="multilabel"))

    assert data.train.labels.long().sum(0).tolist() == pytest.approx([16.5, 16.5], abs=1)


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("multilabel", np.arange(COUNT) % 3),
        ("multilabel", np.full((COUNT, 2), 2)),
        ("segmentation", np.zeros((COUNT, 16))),
        ("segmentation", np.full((COUNT, 16, 16), 256)),
        ("regression", np.full(COUNT, np.nan)),
        ("regression", np.full(COUNT, "a")),
    ],
)
def test_labels_of_another_task_are_refused(tmp_path: Path, task: str, labels: Any) -> None:
    np.savez(tmp_path / "a.npz", images=blobs(COUNT)[0], labels=labels)

    with pytest.raises(DataError, match=f"which is nothing for {task}: write"):
        load_data(str(tmp_path / "a.npz"), options=DataOptions(task=task))  # type: ignore[arg-type]


def test_masks_must_be_as_large_as_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=blobs(COUNT)[0], masks=np.zeros((COUNT, 8, 8), int))

    with pytest.raises(DataError, match=r"masks are \(8, 8\), but images are \(16, 16\)"):
        load_data(str(tmp_path / "a.npz"), options=DataOptions(task="segmentation"))


def test_masks_go_where_their_images_go() -> None:
    masks = torch.zeros(1, 8, 24, dtype=torch.uint8)
    masks[:, :, 8:16] = 1

    assert resize_masks(masks, (8, 8), "crop").unique().tolist() == [1]
    assert resize_masks(masks, (8, 8), "stretch")[0, 4].tolist() == [0, 0, 0, 1, 1, 0, 0, 0]
    padded = resize_masks(masks, (8, 8), "pad")[0]
    assert padded[0].unique().tolist() == [255]
    assert padded[4].unique().tolist() == [0, 1]


def _folder(root: Path, count: int = 12) -> None:
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    for number in range(count):
        mask = np.zeros((12, 12), np.uint8)
        mask[:, : number % 6] = 1
        mask[0, 11] = 255
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")
        Image.fromarray(mask * np.uint8(200)).save(root / "images" / f"{number}.png")


def test_folders_of_images_and_masks(tmp_path: Path) -> None:
    _folder(tmp_path / "train")
    _folder(tmp_path / "test", 4)
    options = DataOptions(task="segmentation")

    data, test = (load(str(tmp_path), options=options) for load in (load_data, load_test))

    assert (len(data.train), len(data.val), len(test)) == (10, 2, 4)
    assert data.num_classes == 2
    known = data.train.labels != 255
    assert (data.train.pixels[:, 0][known] == 200).equal(data.train.labels[known] == 1)


def test_a_folder_of_masks_by_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _folder(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)

    assert load_data("mine", options=DataOptions(task="segmentation")).num_classes == 2


def test_parts_of_masks_have_their_names_in_any_case(tmp_path: Path) -> None:
    for part, count in (("Training", 12), ("Val", 3), ("TEST", 4)):
        _folder(tmp_path / part, count)
    options = DataOptions(task="segmentation")

    data, test = (load(str(tmp_path), options=options) for load in (load_data, load_test))

    assert (len(data.train), len(data.val), len(test)) == (12, 3, 4)
    _folder(tmp_path / "valid", 2)
    with pytest.raises(DataError, match="Val/ and valid/ both mean the val part"):
        load_data(str(tmp_path), options=options)


def test_folders_of_masks_have_no_groups(tmp_path: Path) -> None:
    _folder(tmp_path)

    with pytest.raises(OptionError, match=r"`group_by` 1: .* list the files in metadata\.csv"):
        load_data(str(tmp_path), options=DataOptions(task="segmentation", group_by="1"))


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_class_of_pixels_that_is_never_trained_is_found_at_once(
    tmp_path: Path, part: str
) -> None:
    _folder(tmp_path / "train")
    _folder(tmp_path / part, 3)
    Image.fromarray(np.full((12, 12), 7, np.uint8)).save(tmp_path / part / "masks" / "1.png")

    with pytest.raises(DataError, match=rf"masks of the {part} part have class 7, .* is 1"):
        load_data(str(tmp_path), options=DataOptions(task="segmentation"))


def test_a_label_that_is_never_trained_is_found_at_once(tmp_path: Path) -> None:
    lines = ["file,label,split"]
    for number in range(12):
        Image.new("L", (8, 8), 9 * number).save(tmp_path / f"{number}.png")
        part, label = ("test", "odd|red") if number > 9 else ("train", "red|blue")
        lines.append(f"{number}.png,{label},{part}")
    (tmp_path / "a.csv").write_text("\n".join(lines))

    with pytest.raises(DataError, match=r"the test part has classes .* has not: odd"):
        load_data(str(tmp_path / "a.csv"), options=DataOptions(task="multilabel"))


def test_numbers_far_from_what_networks_say_at_first_are_told(tmp_path: Path) -> None:
    images, labels = blobs(COUNT)
    for scale, told in ((1.0, 0), (5_000.0, 1), (0.001, 1)):
        np.savez(tmp_path / "a.npz", images=images, labels=scale * (labels - 1.5))
        data = load_data(str(tmp_path / "a.npz"), options=DataOptions(task="regression"))
        lines = [line for line in summarize_data(data).lines() if "Number 0 has mean" in line]
        assert len(lines) == told


def test_an_image_without_a_mask_is_named(tmp_path: Path) -> None:
    _folder(tmp_path)
    (tmp_path / "masks/3.png").unlink()

    with pytest.raises(DataError, match=r"1 images without a mask \(3\.png\)"):
        load_data(str(tmp_path), options=DataOptions(task="segmentation"))


def test_a_mask_of_colours_is_named(tmp_path: Path) -> None:
    _folder(tmp_path)
    Image.new("RGB", (12, 12)).save(tmp_path / "masks/3.png")

    with pytest.raises(DataError, match=r"masks/3\.png: not a readable mask \(mode RGB\)"):
        load_data(str(tmp_path), options=DataOptions(task="segmentation"))


@pytest.mark.parametrize(
    ("task", "cells", "names"),
    [
        ("multilabel", ("red|blue", "blue"), ("blue", "red")),
        ("regression", ("0.5|1", "2|3"), ("0", "1")),
    ],
)
def test_tables_of_other_tasks(
    tmp_path: Path, task: str, cells: tuple[str, str], names: tuple[str, ...]
) -> None:
    lines = ["file,label"]
    for number in range(12):
        Image.new("L", (8, 8), 9 * number).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{cells[number % 2]}")
    (tmp_path / "a.csv").write_text("\n".join(lines))

    data = load_data(str(tmp_path / "a.csv"), options=DataOptions(task=task))  # type: ignore[arg-type]

    assert data.class_names == names
    even = data.train.pixels[:, 0, 0, 0] % 18 == 0
    wanted = {"multilabel": [[1, 1], [1, 0]], "regression": [[0.5, 1], [2, 3]]}[task]
    assert data.train.labels[even].unique(dim=0).tolist() == wanted[:1]
    assert data.train.labels[~even].unique(dim=0).tolist() == wanted[1:]


def test_a_known_data_set_has_its_task() -> None:
    with pytest.raises(OptionError, match="`task` regression: mnist is for classification"):
        load_data("mnist", options=DataOptions(task="regression"))
    with pytest.raises(OptionError, match="`task` detection: write one of classification"):
        DataOptions(task="detection")  # type: ignore[arg-type]
