from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nas.data._idx import find_idx, read_idx
from nas.errors import DataError
from tests.small_data import write_idx, write_mnist_like

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("zipped", [True, False])
def test_reads_gzipped_and_plain_files_alike(tmp_path: Path, zipped: bool) -> None:
    write_mnist_like(tmp_path, zipped=zipped)

    train, test = (read_idx(tmp_path, part, num_classes=10) for part in ("train", "test"))

    assert train.pixels.shape == (120, 1, 28, 28)
    assert train.pixels[:, 0, 0, 0].tolist() == list(range(120))
    assert test.labels.tolist() == [i % 10 for i in range(20)]


def test_only_a_complete_folder_is_found(tmp_path: Path) -> None:
    write_mnist_like(tmp_path / "whole")
    write_mnist_like(tmp_path / "part")
    (tmp_path / "part" / "t10k-labels-idx1-ubyte.gz").unlink()

    places = [tmp_path / "none", tmp_path / "part", tmp_path / "whole"]

    assert find_idx(places) == tmp_path / "whole"
    assert find_idx(places[:2]) is None


@pytest.mark.parametrize(
    "content",
    [
        b"not gzip",
        gzip.compress(b"\0" * 400)[:-9],
        gzip.compress(b"\0\0\x08\x03" + b"\x7f" * 12),
        gzip.compress(b"\0\0\x08\x03" + b"\0" * 12),
    ],
    ids=["not gzip", "cut off", "wrong sizes", "no images"],
)
def test_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    write_mnist_like(tmp_path)
    damaged = tmp_path / "train-images-idx3-ubyte.gz"
    damaged.write_bytes(content)

    with pytest.raises(DataError, match=f"{damaged.name}: not a readable idx file"):
        read_idx(tmp_path, "train", num_classes=10)


@pytest.mark.parametrize("labels", [np.zeros(119), np.full(120, 10)])
def test_labels_must_fit_the_images(tmp_path: Path, labels: np.ndarray) -> None:
    write_mnist_like(tmp_path)
    write_idx(tmp_path / "train-labels-idx1-ubyte", labels)

    with pytest.raises(DataError, match="don't belong together: 120 images"):
        read_idx(tmp_path, "train", num_classes=10)
