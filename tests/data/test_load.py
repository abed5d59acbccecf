from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nas.data import _load as module
from nas.data import load_data
from nas.data._known import DEBIAN_FOLDER, UNPACKED_FOLDERS
from nas.errors import DataError
from tests.small_data import write_mnist_like

FASHION_MNIST = next((f for f in (DEBIAN_FOLDER, *UNPACKED_FOLDERS) if f.is_dir()), None)


def _rows(pixels: torch.Tensor) -> set[int]:
    """The grey that tells each image of `write_mnist_like` from the others."""
    return set(pixels[:, 0, 0, 0].tolist())


def test_split_is_disjoint_stratified_and_fixed_by_its_seed(tmp_path: Path) -> None:
    write_mnist_like(tmp_path)

    first, again, other = (
        load_data("fashion_mnist", data_dir=tmp_path, seed=seed) for seed in (0, 0, 1)
    )

    assert not _rows(first.train.pixels) & _rows(first.val.pixels)
    assert _rows(first.train.pixels) | _rows(first.val.pixels) == set(range(120))
    assert first.val.labels.bincount().tolist() == [2] * 10
    assert torch.equal(first.val.pixels, again.val.pixels)
    assert torch.equal(first.train.pixels, again.train.pixels)
    assert _rows(first.val.pixels) != _rows(other.val.pixels)


def test_images_stay_with_their_labels(tmp_path: Path) -> None:
    write_mnist_like(tmp_path)

    data = load_data("fashion_mnist", data_dir=tmp_path)

    for part in (data.train, data.val):
        assert torch.equal(part.pixels[:, 0, 0, 0].long() % 10, part.labels)


def test_subsets_of_training_images_are_stratified(tmp_path: Path) -> None:
    write_mnist_like(tmp_path)

    data = load_data("fashion_mnist", data_dir=tmp_path)

    assert data.train.first(50).labels.bincount().tolist() == [5] * 10


def test_statistics_come_from_training_images_alone(tmp_path: Path) -> None:
    write_mnist_like(tmp_path)

    data = load_data("fashion_mnist", data_dir=tmp_path)

    assert data.mean[0] == pytest.approx(data.train.pixels.double().mean().item() / 255)


def test_test_files_are_never_read(tmp_path: Path) -> None:
    write_mnist_like(tmp_path)
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        (tmp_path / name).write_bytes(b"damaged: reading this raises")

    load_data("fashion_mnist", data_dir=tmp_path)
    with pytest.raises(DataError, match="t10k"):
        module.load_test("fashion_mnist", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fashon-mnist", "neither a known data set.*did you mean 'fashion_mnist'"),
        ("imagenet-22k", "there .allowed: .*a known data set: fashion_mnist, mnist, cifar10"),
        ("nofolder", r"^nofolder: neither a known data set nor a folder or file that is there"),
        (
            "nofolder",
            r"allowed: a folder of images, a \.csv table .*, a \.npz file, module:function",
        ),
        ("missing.npz", "^missing.npz: no such file of data .allowed"),
        ("missing.csv", "^missing.csv: no such file of data .allowed"),
        ("notes.txt", "a file that is neither .npz nor .csv"),
    ],
)
def test_unknown_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("no images", encoding="utf-8")

    with pytest.raises(DataError, match=message):
        load_data(name)


@pytest.mark.skipif(FASHION_MNIST is None, reason="Fashion-MNIST is not on this machine")
def test_the_real_thing() -> None:
    data = load_data("fashion_mnist", data_dir=FASHION_MNIST, download=False)

    assert (len(data.train), len(data.val)) == (50_000, 10_000)
    assert data.val.labels.bincount().tolist() == [1_000] * 10
    assert data.mean[0] == pytest.approx(0.286, abs=0.001)
    assert data.std[0] == pytest.approx(0.353, abs=0.001)
