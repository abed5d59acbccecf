from __future__ import annotations

import os
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from nas.data import DataOptions, load_data
from nas.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 16


def _noise(seed: int, channels: int = 1) -> Any:
    shape = (SIDE, SIDE) if channels == 1 else (SIDE, SIDE, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _folder(root: Path, count: int = 12) -> Path:
    """Grey noise in two classes."""
    for number in range(count):
        folder = root / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_noise(number)).save(folder / f"{number:02}.png")
    return root


def _load(root: Path, **options: Any) -> Any:
    return load_data(str(root), options=DataOptions(**options))


def _all_pixels(data: Any) -> Any:
    return np.concatenate([data.train.pixels.numpy(), data.val.pixels.numpy()])


def test_grey_images_keep_their_channel_and_size(tmp_path: Path) -> None:
    assert _load(_folder(tmp_path)).input_shape == (1, SIDE, SIDE)
    assert _load(tmp_path, channels=3).input_shape == (3, SIDE, SIDE)


@pytest.mark.parametrize("kind", ["grey16", "float", "int32", "twelve"])
def test_deep_images_are_scaled_not_clipped(tmp_path: Path, kind: str) -> None:
    _folder(tmp_path / "plain")
    for file in (tmp_path / "plain").rglob("*.png"):
        values = np.asarray(Image.open(file))
        deep = {
            "grey16": values.astype(np.uint16) * 257,
            "twelve": (values * (4095 / 255)).round().astype(np.uint16),
            "float": values.astype(np.float32) / 255,
            "int32": values.astype(np.int32) * 257,
        }[kind]
        target = tmp_path / "deep" / file.parent.name / f"{file.stem}.tif"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(deep).save(target)

    plain, deep_data = (_load(tmp_path / name) for name in ("plain", "deep"))

    assert np.abs(_all_pixels(plain).astype(int) - _all_pixels(deep_data)).max() <= 1
    assert any("more than 8 bits" in note for note in deep_data.notes)


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    _folder(tmp_path)
    for file in tmp_path.rglob("*.png"):
        Image.new("RGBA", (SIDE, SIDE), (10, 20, 30, 0)).save(file)

    data = _load(tmp_path)

    assert data.input_shape[0] == 3
    assert data.train.pixels.unique().tolist() == [255]
    assert any("laid on white" in note for note in data.notes)


@pytest.mark.parametrize("mode", ["P", "CMYK", "1", "LA", "YCbCr", "RGBA"])
def test_every_mode_shows_what_a_viewer_shows(tmp_path: Path, mode: str) -> None:
    _folder(tmp_path)
    suffix = {"CMYK": "tif", "YCbCr": "tif"}.get(mode, "png")
    for file in tmp_path.rglob("*.png"):
        file.unlink()
        image = Image.new("RGB", (SIDE, SIDE), (255, 255, 255))
        image.paste((0, 0, 0), (0, 0, SIDE // 2, SIDE))
        image.convert(mode).save(file.with_suffix(f".{suffix}"))

    data = _load(tmp_path, channels=1)

    assert data.train.pixels[..., : SIDE // 2].max() <= 2
    assert data.train.pixels[..., SIDE // 2 :].min() >= 253


def test_orientation_tags_are_obeyed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    for number in range(12):
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        image = Image.new("L", (24, 8), 0)
        image.paste(255, (0, 0, 12, 8))  # the left half is the top, once turned
        image.save(folder / f"{number}.jpg", exif=exif, quality=100)

    data = _load(tmp_path)

    assert data.input_shape == (1, 24, 8)
    assert data.train.pixels[:, :, :10].min() > 250
    assert data.train.pixels[:, :, 14:].max() < 5
    assert any("orientation" in note for note in data.notes)


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    for number in range(12):
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        frames = [Image.new("L", (SIDE, SIDE), grey) for grey in (90, 200)]
        frames[0].save(folder / f"{number}.gif", save_all=True, append_images=frames[1:])

    data = _load(tmp_path)

    assert data.train.pixels.unique().tolist() == [90]
    assert any("first frame" in note for note in data.notes)


def test_a_wrong_ending_does_not_matter(tmp_path: Path) -> None:
    expected = _all_pixels(_load(_folder(tmp_path / "right")))
    _folder(tmp_path / "wrong")
    for file in (tmp_path / "wrong").rglob("*.png"):
        file.rename(file.with_suffix(".jpg"))

    assert np.array_equal(_all_pixels(_load(tmp_path / "wrong")), expected)


def _bad_files(root: Path) -> None:
    _folder(root, 40)
    whole = (root / "a/00.png").read_bytes()
    (root / "a/cut.png").write_bytes(whole[: len(whole) // 2])
    (root / "a/empty.png").write_bytes(b"")
    (root / "b/text.jpg").write_text("no image")
    (root / "b/huge.png").write_bytes(_png_header(60_000, 60_000))
    os.mkfifo(root / "b/pipe.png")


def _png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IEND", b"")


def test_bad_files_are_named_all_at_once(tmp_path: Path) -> None:
    _bad_files(tmp_path)

    with pytest.raises(DataError, match="`skip_bad`") as caught:
        _load(tmp_path)

    # What only decoding shows is found once the headers are mended.
    for name, reason in (
        ("a/empty.png", "empty"),
        ("b/text.jpg", "no image of a known format"),
        ("b/huge.png", "more than 178,956,970"),
        ("b/pipe.png", "no file"),
    ):
        assert f"{name}: not a readable image (" in str(caught.value), name
        assert reason in str(caught.value)


def test_bad_files_can_be_skipped(tmp_path: Path) -> None:
    clean = len(_load(_folder(tmp_path / "clean", 40)).train)
    _bad_files(tmp_path / "odd")

    data = _load(tmp_path / "odd", skip_bad=True)

    assert clean - 3 <= len(data.train) <= clean + 1
    assert any("`skip_bad`" in note for note in data.notes)
    assert data.train.pixels.shape[0] == len(data.train.labels)


def test_nothing_but_bad_files_is_no_data(tmp_path: Path) -> None:
    for file in _folder(tmp_path).rglob("*.png"):
        file.write_bytes(b"no image")

    with pytest.raises(DataError, match="cannot be used"):
        _load(tmp_path, skip_bad=True)


@pytest.mark.parametrize("how", ["crop", "pad", "stretch"])
def test_other_shapes_are_cropped_padded_or_stretched(tmp_path: Path, how: str) -> None:
    for number in range(12):
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        image = Image.new("L", (48, 16), 100)
        image.paste(200, (16, 0, 32, 16))
        image.save(folder / f"{number}.png")

    pixels = _load(tmp_path, resolution=(16, 16), resize=how).train.pixels[0, 0]

    assert pixels.shape == (16, 16)
    if how == "crop":
        assert pixels.unique().tolist() == [200]
    elif how == "pad":
        assert (pixels[0].max(), pixels[8, 0], pixels[8, 8]) == (0, 100, 200)
    else:
        assert (pixels[8, 0], pixels[8, 8], pixels[8, 15]) == (100, 200, 100)


def test_sizes_that_differ_become_squares_of_at_most_64(tmp_path: Path) -> None:
    for number in range(12):
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        Image.new("RGB", (100 + number, 80), 100).save(folder / f"{number}.png")

    data = _load(tmp_path)

    assert data.input_shape == (3, 64, 64)
    assert any("are resized to 64x64" in note for note in data.notes)


def test_one_pixel_is_an_image(tmp_path: Path) -> None:
    for file in _folder(tmp_path).rglob("*.png"):
        Image.new("L", (1, 1), 7).save(file)

    assert _load(tmp_path, resolution=(8, 8)).train.pixels.unique().tolist() == [7]


def test_detail_survives_at_the_size_asked_for(tmp_path: Path) -> None:
    rows, columns = np.indices((128, 128))
    for label, pattern in enumerate(((rows % 2) * 200 + 28, ((columns + rows) % 2) * 200 + 28)):
        for number in range(6):
            folder = tmp_path / "ab"[label]
            folder.mkdir(exist_ok=True)
            Image.fromarray(pattern.astype(np.uint8)).save(folder / f"{number}.png")

    data = _load(tmp_path, resolution=(128, 128))

    assert data.input_shape == (1, 128, 128)
    assert data.train.pixels.float().std() == pytest.approx(100, abs=1)


def test_a_file_that_never_ends_is_named(tmp_path: Path) -> None:
    from nas.data._in_threads import in_threads

    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(DataError, match=r"pipe: not read within 0\.2 s; is the disk"):
        in_threads(lambda file: file.open("rb").read(), [tmp_path / "pipe"], stall_s=0.2)
