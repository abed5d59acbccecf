from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
from torchvision.datasets import CIFAR10

from nas.data import _known as known
from nas.data import load_data, load_test
from nas.errors import DataError
from tests.small_data import write_mnist_like


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No data in this machine's usual places, and no network; returns the cache's place."""
    monkeypatch.setattr(known, "DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.setattr(known, "CACHE", tmp_path / "cache")

    def unreachable(*_: object, **__: object) -> None:
        raise URLError("no network in tests")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


@pytest.mark.parametrize(
    "place",
    [
        "mine",
        "mine/FashionMNIST/raw",
        "debian",
        "data/fashion-mnist",
        "data/usr/share/datasets/fashion-mnist",
        "cache/FashionMNIST/raw",
    ],
)
def test_fashion_mnist_is_found_where_it_may_stand(tmp_path: Path, place: str) -> None:
    write_mnist_like(tmp_path / place)

    data = load_data("fashion_mnist", data_dir=tmp_path / "mine", download=False)

    assert (len(data.train), len(data.val)) == (100, 20)
    assert data.input_shape == (1, 28, 28)
    assert data.class_names[0] == "T-shirt/top"
    assert data.flip


def test_own_folder_goes_before_the_systems(tmp_path: Path) -> None:
    write_mnist_like(tmp_path / "mine")
    (tmp_path / "debian").mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / "debian" / f"{name}-ubyte.gz").write_bytes(b"damaged")

    assert load_data("fashion_mnist", data_dir=tmp_path / "mine").num_classes == 10


def test_bare_files_are_not_mistaken_for_mnist(tmp_path: Path) -> None:
    write_mnist_like(tmp_path)

    with pytest.raises(DataError, match="mnist: not found"):
        load_data("mnist", data_dir=tmp_path, download=False)


def test_digits_are_never_mirrored(tmp_path: Path) -> None:
    write_mnist_like(tmp_path / "MNIST" / "raw")

    assert not load_data("mnist", data_dir=tmp_path).flip


def test_missing_fashion_mnist_names_three_ways_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_data("fashion_mnist", data_dir=tmp_path / "mine")

    message = str(caught.value)
    assert str(tmp_path / "mine") in message
    assert "no network in tests" in message
    for way in ("apt-get install dataset-fashion-mnist", "make data", "`data_dir` DIR", "network"):
        assert way in message


@pytest.mark.parametrize(
    ("name", "files"), [("mnist", "DIR/MNIST/raw"), ("cifar10", "DIR/cifar-10-batches-py")]
)
def test_missing_data_says_where_files_belong(name: str, files: str) -> None:
    with pytest.raises(DataError, match=rf"(?s){name}: not found.*download.*{files}"):
        load_data(name)


def test_downloading_can_be_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("asked"))

    with pytest.raises(DataError, match="downloading is off"):
        load_data("cifar100", download=False)


def test_a_download_has_a_timeout_and_leaves_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    seen: list[float | None] = []

    def record(*_: object, **__: object) -> None:
        seen.append(socket.getdefaulttimeout())
        raise URLError("gone")

    monkeypatch.setattr("urllib.request.urlopen", record)
    with pytest.raises(DataError):
        load_data("mnist")

    assert seen[0] == 15
    assert socket.getdefaulttimeout() is None


def test_cifar_is_read_by_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache" / CIFAR10.base_folder
    _write_cifar10(folder, monkeypatch)

    data, test = load_data("cifar10"), load_test("cifar10")

    assert (len(data.train), len(data.val), len(test)) == (90, 10, 20)
    assert data.input_shape == (3, 32, 32)
    assert data.class_names[:2] == ("airplane", "automobile")
    assert test.labels.tolist() == [i % 10 for i in range(20)]
    # CIFAR stores a whole channel after the other: image i is i in red, 200 in blue.
    assert test.pixels[3, :, 5, 5].tolist() == [3, 100, 200]


def _write_cifar10(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True)
    content: dict[str, Any] = {f"data_batch_{i}": _cifar_batch(20) for i in range(1, 6)}
    content["test_batch"] = _cifar_batch(20)
    content["batches.meta"] = {"label_names": ["airplane", "automobile", *"cdefghij"]}
    md5 = {}
    for name, value in content.items():
        (folder / name).write_bytes(pickle.dumps(value))
        md5[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()
    lists = SimpleNamespace(
        train_list=[(n, md5[n]) for n in md5 if n.startswith("data")],
        test_list=[("test_batch", md5["test_batch"])],
        meta={**CIFAR10.meta, "md5": md5["batches.meta"]},
    )
    for name, value in vars(lists).items():
        monkeypatch.setattr(CIFAR10, name, value)


def _cifar_batch(count: int) -> dict[str, Any]:
    channels = np.full((count, 3, 1024), 100, dtype=np.uint8)
    channels[:, 0] = np.arange(count)[:, None]
    channels[:, 2] = 200
    return {"data": channels.reshape(count, -1), "labels": [i % 10 for i in range(count)]}
