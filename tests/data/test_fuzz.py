"""Archives that nobody means: read, or refused with a message, whatever their bytes."""

from __future__ import annotations

import io
import random
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nas.data import DataOptions
from nas.data._npz import read_npz
from nas.errors import DataError, UserError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("images", "labels", "val_images", "test_labels", "class_names", "order", "x_train", "odd")
DTYPES = ("u1", "i1", "<u2", "<i8", "<f4", "<f8", "?", "<U3", "S2", "<c8", "<M8[s]", "V4", "O")
SHAPES = (
    (),
    (0,),
    (12,),
    (1, 8, 8),
    (12, 8, 8),
    (12, 8, 8, 3),
    (12, 3, 8, 8),
    (12, 0, 8),
    (12, 1),
)
HEADERS = (
    *(b"{'descr': '|u1'", b"'shape': (12, 8, 8)", b"'fortran_order': False", b"}", b"'descr'"),
    *(b"NUMPY", b"\x01\x00", b"v\x00", b"12", b"8"),
)
"""What is looked for in an archive, to be put elsewhere."""


def good() -> dict[str, Any]:
    """Arrays that can be read."""
    images = np.arange(12 * 64, dtype=np.uint8).reshape(12, 8, 8)
    return {"images": images, "labels": np.arange(12) % 3}


def odd_array(rng: random.Random) -> Any:
    """An array of any type and shape."""
    shape, dtype = rng.choice(SHAPES), rng.choice(DTYPES)
    if dtype == "O":
        return np.full(shape, None, dtype=object)
    numbers = np.full(shape, rng.choice((0, 1, 3, 255)))
    with np.errstate(all="ignore"):
        found = numbers.astype("i4").astype(dtype) if dtype != "V4" else np.zeros(shape, dtype)
    if found.size and found.dtype.kind == "f":
        found.flat[0] = rng.choice((0.5, -1.0, np.nan, np.inf, 1e300 if found.itemsize > 4 else 9))
    return found


def packed(rng: random.Random) -> bytes:
    """An archive of arrays, some of them odd."""
    arrays = good()
    for _ in range(rng.choice((0, 0, 1, 2))):
        arrays[rng.choice(NAMES)] = odd_array(rng)
    if rng.random() < 0.1:
        del arrays[rng.choice(sorted(arrays))]
    file = io.BytesIO()
    (np.savez if rng.random() < 0.5 else np.savez_compressed)(file, **arrays)
    return file.getvalue()


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The archive with bytes cut, changed, or put where others were."""
    how, place = rng.randrange(5), rng.randrange(len(content))
    if how == 0:
        return content[:place]
    if how == 1:
        changed = bytearray(content)
        for _ in range(rng.randrange(1, 6)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        return bytes(changed)
    if how == 2:
        return content[:place] + rng.randbytes(rng.randrange(40)) + content[place:]
    if how == 3:
        return content.replace(rng.choice(HEADERS), rng.choice(HEADERS), rng.randrange(1, 3))
    return content


def member_damaged(content: bytes, rng: random.Random) -> bytes:
    """The archive, whole, with one of its arrays damaged, so that its checksum holds."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(made, "w") as target:
        chosen = rng.choice(source.namelist())
        for name in source.namelist():
            array = source.read(name)
            target.writestr(name, damaged(array, rng) if name == chosen else array)
    return made.getvalue()


def fuzz(seeds: range, path: Path) -> tuple[int, int]:
    """How many archives were read, and how many were refused."""
    read = refused = 0
    for seed in seeds:
        rng = random.Random(seed)
        content = packed(rng)
        path.write_bytes(rng.choice((damaged, member_damaged))(content, rng))
        try:
            source = read_npz(path, rng.choice(("train", "test")), DataOptions())
            assert len(source.images.pixels) == len(source.images.labels)
            read += 1
        except UserError as error:
            assert str(error), seed
            refused += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error
    return read, refused


@pytest.mark.filterwarnings("ignore")  # of numpy, on headers that are none
def test_six_hundred_archives(tmp_path: Path) -> None:
    read, refused = fuzz(range(600), tmp_path / "a.npz")
    assert min(read, refused) > 50, "both are tried"


@pytest.mark.filterwarnings("ignore")
def test_text_that_is_no_unicode_is_refused(tmp_path: Path) -> None:
    """Seed 64,636 of the long form: numpy ends in a SystemError where it makes a string of it."""
    names = np.array([0x110000, 1, 2], dtype=np.uint32).view("<U1")
    np.savez(tmp_path / "a.npz", **good(), class_names=names)
    with pytest.raises(DataError, match=r"a\.npz: class_names: holds text that is no Unicode"):
        read_npz(tmp_path / "a.npz", "train", DataOptions())


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("first", range(1000, 101_000, 10_000))
def test_a_hundred_thousand_archives(tmp_path: Path, first: int) -> None:
    read, refused = fuzz(range(first, first + 10_000), tmp_path / "a.npz")
    assert min(read, refused) > 500
