"""Reading a folder of images, one subfolder per class, with torchvision's ImageFolder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import default_loader
from torchvision.transforms import v2

from nas.data._images import Images, Source
from nas.data._split import split_off_test
from nas.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data._idx import Split

_PARTS = {"train", "val", "test"}
_LAYOUT = "a folder holds one subfolder of images per class, or train/ and test/ that each do"


def read_folder(root: Path, part: Split, *, side: int) -> Source:
    """One part of the images under `root` as RGB, centre-cropped to `side` x `side`.

    The test part is `test/`; else `val/`; else every seed splits off the same part. Where both
    are there, `val/` is the validation part. Only the images of the part asked for are opened.
    """
    subfolders = {entry.name for entry in root.iterdir() if entry.is_dir()}
    if "train" not in subfolders or not subfolders <= _PARTS:
        listed = _list(root)
    elif subfolders == {"train"}:
        listed = _list(root / "train")
    else:
        return _read_parts(root, part, subfolders, side)
    rest, test = split_off_test(torch.tensor(listed.targets))
    chosen = rest if part == "train" else test
    return Source(
        images=_decode(listed, chosen.tolist(), side),
        class_names=tuple(listed.classes),
        flip=True,
    )


def _read_parts(root: Path, part: Split, subfolders: set[str], side: int) -> Source:
    train = _list(root / "train")
    test = _list_like(root / ("test" if "test" in subfolders else "val"), train)
    val = _list_like(root / "val", train) if subfolders == _PARTS else None
    images = _decode_all(train if part == "train" else test, side)
    return Source(
        images=images,
        class_names=tuple(train.classes),
        flip=True,
        val=_decode_all(val, side) if val is not None and part == "train" else None,
    )


def _list(root: Path) -> ImageFolder:
    try:
        return ImageFolder(root)
    except (FileNotFoundError, NotADirectoryError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{root}: {reason} ({_LAYOUT}; no class may be empty).") from error


def _list_like(root: Path, train: ImageFolder) -> ImageFolder:
    listed = _list(root)
    if listed.classes != train.classes:
        odd = sorted(set(listed.classes) ^ set(train.classes))
        raise DataError(
            f"{root}: its classes are not those of train/; only in one of them: {', '.join(odd)}."
        )
    return listed


def _decode_all(listed: ImageFolder, side: int) -> Images:
    return _decode(listed, list(range(len(listed))), side)


def _decode(listed: ImageFolder, index: list[int], side: int) -> Images:
    fit = v2.Compose([v2.Resize(side), v2.CenterCrop(side), v2.PILToTensor()])
    pixels = torch.empty((len(index), 3, side, side), dtype=torch.uint8)
    for row, number in enumerate(index):
        file = listed.samples[number][0]
        try:
            pixels[row] = fit(default_loader(file))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise DataError(
                f"{file}: not a readable image ({error}). Repair or delete it."
            ) from error
    return Images(pixels=pixels, labels=torch.tensor(listed.targets)[index])
