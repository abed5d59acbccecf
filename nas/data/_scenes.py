"""Scenes for segmentation, composed from small pictures: several in one image, a class a pixel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.data._load import load_data, load_test
from nas.data._options import DEFAULT_OPTIONS
from nas.errors import DataError, OptionError

if TYPE_CHECKING:
    from nas.data._images import Images

    Array = np.ndarray[Any, Any]

OBJECTS = (1, 3)
"""Pictures in a scene, at least and at most."""
_INK = 64
"""Grey level from which a pixel belongs to its picture."""
_NOISE = 48
"""Grey levels of the background, from 0."""


def write_scenes(
    path: Path,
    *,
    of: str = "fashion_mnist",
    data_dir: Path | None = None,
    scenes: int = 2_000,
    side: int = 48,
    seed: int = 0,
) -> tuple[int, int]:
    """Write a `.npz` file of scenes and masks; the numbers of training and of test scenes.

    Pictures of the training part are in training scenes only, those of the test part in test
    scenes. Class 0 is the background, class k + 1 is class k of the pictures.

    Args:
        path: The file to write.
        of: Data of grey pictures on black, as `load_data` takes them.
        data_dir: As for `load_data`.
        scenes: For training; a fifth as many are for testing.
        side: Pixels of a scene.
        seed: Fixes what is where.

    Raises:
        UserError: The pictures are not there, too large, or the file cannot be written.
    """
    data = load_data(of, data_dir=data_dir)
    test = load_test(of, data_dir=data_dir, options=DEFAULT_OPTIONS)
    channels, height, width = data.input_shape
    if channels != 1 or max(height, width) > side or scenes < 5:
        raise OptionError(
            f"`side` {side}, `scenes` {scenes}: {of} has pictures of {channels}x{height}x{width}; "
            "scenes need grey ones that fit, and at least 5 scenes"
        )
    rng = np.random.default_rng(seed)
    images, masks = _compose(data.train, scenes, side, rng)
    test_images, test_masks = _compose(test, scenes // 5, side, rng)
    try:
        np.savez_compressed(
            path,
            images=images,
            masks=masks,
            test_images=test_images,
            test_masks=test_masks,
            class_names=np.array(["background", *data.class_names]),
        )
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from error
    return len(images), len(test_images)


def _compose(
    pictures: Images, count: int, side: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """(count, side, side) uint8 scenes and masks; later pictures cover earlier ones."""
    scenes = rng.integers(0, _NOISE, (count, side, side), dtype=np.uint8)
    masks = np.zeros_like(scenes)
    for scene, mask in zip(scenes, masks, strict=True):
        for _ in range(rng.integers(OBJECTS[0], OBJECTS[1] + 1)):
            row = int(rng.integers(len(pictures)))
            picture = pictures.pixels[row, 0].numpy()
            height, width = picture.shape
            top, left = rng.integers(side - height + 1), rng.integers(side - width + 1)
            place = slice(top, top + height), slice(left, left + width)
            ink = picture >= _INK
            scene[place] = np.where(ink, picture, scene[place])
            mask[place] = np.where(ink, int(pictures.labels[row]) + 1, mask[place])
    return scenes, masks
