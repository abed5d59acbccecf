"""A fingerprint of the data that were begun with, and in words what has changed since."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torch import Tensor

    from nas.data._images import ImageData, Images

_WHOLE_BYTES = 2**31
"""Of a part with more pixels than that, in bytes, some images are looked at; how much memory a
machine has does not matter, for another one will have another."""
_LARGE_IMAGES = 4_096
"""Of such a part, so many are looked at, spread evenly."""
_CHUNK_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFingerprint:
    """What tells one data set from another, to the pixel."""

    shape: tuple[int, ...]
    """(C, H, W) of the images as they were found, before they were resized."""
    class_names: tuple[str, ...]
    images: int
    """To train and to validate with."""
    pixels: str
    """Digest of all images, in their order."""
    labels: str
    """Digest of all labels, in their order."""
    pixels_in_any_order: str | None = None
    """Of the images whatever their order, which depends on the labels where they were split. None
    for large parts, and where an earlier version looked."""
    test_images: int | None = None
    test: str | None = None
    """Digest of the test images and their labels; None where nobody looked, as in a search."""

    def with_test(self, test: Images) -> DataFingerprint:
        """The same, and these test images."""
        digest = _digest(chain(_pixels(test), (test.labels,)))
        return replace(self, test_images=len(test), test=digest)


def fingerprint(data: ImageData, test: Images | None = None) -> DataFingerprint:
    """Of images and labels, test images only where given: 3 s for each GB of pixels, at most.

    Of parts of more than 2 GiB of pixels 4,096 images are looked at, and all labels.
    """
    parts = (data.train, data.val)
    seen = DataFingerprint(
        shape=data.own_shape,
        class_names=data.class_names,
        images=len(data.train) + len(data.val),
        pixels=_digest(chunk for part in parts for chunk in _pixels(part)),
        labels=_digest(part.labels for part in parts),
        pixels_in_any_order=_digest_in_any_order(parts),
    )
    return seen if test is None else seen.with_test(test)


def describe_change(
    name: str, before: DataFingerprint, now: DataFingerprint, *, what: str = "search"
) -> str | None:
    """A sentence that says what is different; None where nothing is.

    `what` began with the data as they were before. Test images count where both have looked at
    them.
    """
    if None in (before.test, now.test):
        before, now = (replace(one, test=None, test_images=None) for one in (before, now))
    if None in (before.pixels_in_any_order, now.pixels_in_any_order):
        before, now = (replace(one, pixels_in_any_order=None) for one in (before, now))
    if before == now:
        return None
    begun = f"{name} is not what this {what} began with"
    if (before.shape, before.class_names) != (now.shape, now.class_names):
        return f"{begun} ({_words(before)}; now {_words(now)}{_renamed(before, now)})"
    if before.images != now.images:
        return f"{begun} ({before.images:,} images; now {now.images:,})"
    pixels, labels = before.pixels != now.pixels, before.labels != now.labels
    if not pixels and not labels:
        return f"{begun} ({_tests(before, now)})"
    if (
        pixels
        and before.pixels_in_any_order
        and before.pixels_in_any_order == now.pixels_in_any_order
    ):
        return f"{begun} (the same images, but with other labels or in another order)"
    which = "images and labels" if pixels and labels else "images" if pixels else "labels"
    order = " or in another order" if pixels else ""  # which decides what is kept for the test
    return f"{begun} (as many {which}, but other ones{order})"


def _words(one: DataFingerprint) -> str:
    return f"{'x'.join(map(str, one.shape))}, {len(one.class_names)} classes"


def _tests(before: DataFingerprint, now: DataFingerprint) -> str:
    if before.test_images != now.test_images:
        return f"{before.test_images:,} test images; now {now.test_images:,}"
    return "as many test images, but other ones or other labels"


def _renamed(before: DataFingerprint, now: DataFingerprint) -> str:
    if len(before.class_names) != len(now.class_names):
        return ""
    odd = [name for name in now.class_names if name not in before.class_names]
    return f", {', '.join(odd[:3])} among them" if odd else ""


def _pixels(images: Images) -> Iterator[Tensor]:
    """Those that are looked at, in their order, a batch at a time."""
    step = max(1, _CHUNK_BYTES // images.pixels[0].nbytes)
    if not images.is_mapped and not _is_large(images):
        yield from torch.split(images.pixels, step)  # where they are: rows would be copies
        return
    at = torch.arange(len(images))
    if _is_large(images):
        at = torch.linspace(0, len(images) - 1, min(len(images), _LARGE_IMAGES)).long()
    yield from (images.rows(few) for few in torch.split(at, step))


def _is_large(images: Images) -> bool:
    return len(images) * images.pixels[0].nbytes > _WHOLE_BYTES


def _digest_in_any_order(parts: Sequence[Images]) -> str | None:
    """The sum of a checksum of each image: it only words a change that `pixels` has found."""
    if any(map(_is_large, parts)):
        return None
    chunks = (chunk for part in parts for chunk in _pixels(part))
    return (
        f"{sum(zlib.crc32(image) for chunk in chunks for image in chunk.contiguous().numpy()):x}"
    )


def _digest(chunks: Iterable[Tensor]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for chunk in chunks:
        digest.update(chunk.contiguous().numpy().data)
    return digest.hexdigest()
