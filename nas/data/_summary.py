"""What the data are, in words and as JSON, before anything is trained on them."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nas.data._folds import most_folds
from nas.data._targets import chance, class_counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.data._images import ImageData, Images

_SMALL_CLASS = 10
"""Validation images of a class, below which its accuracy says little."""
_FOLDS, _LARGE_ERROR = 5, 0.01
"""So many validation parts are advised where one alone has a standard error beyond a point."""
_LARGE_NUMBERS = 10.0
"""Mean or deviation of a number beyond which short trainings spend their time on its scale."""
_CHUNK = 256
_OUTPUTS = {
    "classification": "classes",
    "multilabel": "classes, any of which may be true",
    "segmentation": "classes of pixels",
    "regression": "numbers to be told",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSummary:
    """The data that a search would see, and what their size allows to be said."""

    name: str
    task: str
    input_shape: tuple[int, int, int]
    """(C, H, W) of every image as it is trained on: of all costs too."""
    own_shape: tuple[int, ...]
    """As the images were found."""
    classes: tuple[str, ...]
    train: int
    val: int
    test: int | None
    """None where the test part was not looked at."""
    made: tuple[str, ...]
    """The parts that were split off here, rather than given."""
    smallest_class: str
    smallest_train: int
    smallest_val: int
    """Images of the smallest class to train and to validate with."""
    most_frequent_class: str
    most_frequent_share: float
    """Of validation images: the accuracy of a network that always says the same."""
    standard_error: float
    """Of a validation accuracy of 90 %, or of `most_frequent_share` where that is higher, over
    all `folds`."""
    folds: int
    """Validation parts, each of a training of its own, that a search takes the mean of."""
    advised_folds: int | None
    """What `folds` would make that error smaller, where one part is small; None elsewhere."""
    advised_error: float | None
    """`standard_error` with so many parts."""
    flip: bool
    flip_reason: str
    duplicates: tuple[tuple[str, int], ...]
    """Images that are in two parts, pixel by pixel, by the names of the parts."""
    notes: tuple[str, ...]
    """What the reader decided or left out."""

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    def lines(self) -> tuple[str, ...]:
        """For people, a sentence or two a line."""
        return tuple(_lines(self))


def summarize_data(
    data: ImageData,
    *,
    test: Images | None = None,
    val_images: int | None = None,
    folds: int = 1,
    advise_folds: bool = True,
) -> DataSummary:
    """What `data` are.

    Args:
        data: Training and validation images.
        test: The test part, where it may be looked at: for its size, and for duplicates.
        val_images: At most so many are validated with, in a search's short trainings.
        folds: So many times, each time with other images.
        advise_folds: Whether more of them may be advised: a search has them.
    """
    val = data.val.first(val_images).labels
    train_counts, val_counts = (
        class_counts(labels, data.num_classes) for labels in (data.train.labels, val)
    )
    least, most = int(train_counts.argmin()), int(val_counts.argmax())
    share = chance(val, data.num_classes)
    error = standard_error(max(0.9, share), folds * len(val))
    advised = min(_FOLDS, most_folds(data))
    advise = data.options.task == "classification" and folds == 1 < advised
    advise = advise and advise_folds and error > _LARGE_ERROR
    return DataSummary(
        name=data.name,
        task=data.options.task,
        input_shape=data.input_shape,
        own_shape=data.own_shape,
        classes=data.class_names,
        train=len(data.train),
        val=len(val),
        test=None if test is None else len(test),
        made=data.split.made if data.split else (),
        smallest_class=data.class_names[least],
        smallest_train=int(train_counts[least]),
        smallest_val=int(val_counts[least]),
        most_frequent_class=data.class_names[most],
        most_frequent_share=share,
        standard_error=error,
        folds=folds,
        advised_folds=advised if advise else None,
        advised_error=error / advised**0.5 if advise else None,
        flip=data.flip,
        flip_reason=data.flip_reason,
        duplicates=tuple(_duplicates(data, test)),
        notes=(*data.notes, *_scale_notes(data)),
    )


def _scale_notes(data: ImageData) -> tuple[str, ...]:
    """A sentence on numbers to be learnt that are far from what a network says at first."""
    if data.options.task != "regression":
        return ()
    numbers = data.train.labels.double()
    means, deviations = numbers.mean(0), numbers.std(0, correction=0)
    far = (deviations > _LARGE_NUMBERS) | (deviations < 1 / _LARGE_NUMBERS)
    far |= means.abs() > _LARGE_NUMBERS
    if not far.any():
        return ()
    first = int(far.nonzero()[0])
    return (
        f"Number {data.class_names[first]} has mean {means[first]:.3g} and deviation "
        f"{deviations[first]:.3g} in training: networks learn numbers of mean 0 and deviation 1 "
        "best, so subtract the one and divide by the other before.",
    )


def standard_error(accuracy: float, images: int) -> float:
    """Of an accuracy in [0, 1] measured on so many images: of a binomial share."""
    return float((max(accuracy * (1 - accuracy), 0.0) / images) ** 0.5)


def count_seen(images: Images, data: ImageData) -> int | None:
    """How many images are among those to train or validate with, pixel by pixel.

    None where they are too large to be compared.
    """
    if any(part.is_mapped for part in (images, data.train, data.val)):
        return None
    known = {*_digests(data.train), *_digests(data.val)}
    return sum(digest in known for digest in _digests(images))


def _duplicates(data: ImageData, test: Images | None) -> Iterator[tuple[str, int]]:
    parts = {"train": data.train, "val": data.val} | ({} if test is None else {"test": test})
    if any(images.is_mapped for images in parts.values()):
        return
    seen = {name: _digests(images) for name, images in parts.items()}
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        if second in seen:
            known = set(seen[first])
            count = sum(digest in known for digest in seen[second])
            if count:
                yield f"{first} and {second}", count


def _digests(images: Images) -> list[bytes]:
    found: list[bytes] = []
    for start in range(0, len(images), _CHUNK):
        rows = images.pixels[start : start + _CHUNK].contiguous().numpy()
        found.extend(hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows)
    return found


def _lines(said: DataSummary) -> Iterator[str]:
    shape, own = ("x".join(map(str, one)) for one in (said.input_shape, said.own_shape))
    read = shape if shape == own else f"{shape} (found as {own})"
    test = f", {said.test:,} to test" if said.test is not None else ""
    made = f" ({' and '.join(said.made)} split off here)" if said.made else ""
    yield (
        f"{said.name}: {len(said.classes)} {_OUTPUTS[said.task]}, images of {read}; "
        f"{said.train:,} to train, {said.val:,} to validate{test}{made}."
    )
    if said.task == "classification":
        yield from _class_lines(said)
    yield f"Mirroring: {'yes' if said.flip else 'no'} ({said.flip_reason})."
    for parts, count in said.duplicates:
        yield f"Warning: {count:,} images are in {parts}, pixel by pixel; remove them from one."
    yield from said.notes


def _class_lines(said: DataSummary) -> Iterator[str]:
    yield (
        f"Smallest class: {said.smallest_class}, {said.smallest_train:,} to train and "
        f"{said.smallest_val:,} to validate. Always saying {said.most_frequent_class} is right "
        f"for {said.most_frequent_share:.1%} of them."
    )
    level = max(0.9, said.most_frequent_share)
    parts = f", the mean of {said.folds} parts," if said.folds > 1 else ""
    yield (
        f"A validation accuracy of {level:.0%}{parts} has a standard error of "
        f"{100 * said.standard_error:.1f} points: smaller differences are noise."
    )
    if said.advised_folds and said.advised_error:
        count = said.advised_folds
        yield (
            f"So few tell networks apart better with `folds` {count}: each is trained {count} "
            f"times and validated on {count * said.val:,} images in all, with a standard error of "
            f"{100 * said.advised_error:.1f} points."
        )
    if said.smallest_val < _SMALL_CLASS:
        yield (
            f"Warning: {said.smallest_val} validation images of {said.smallest_class} tell little "
            "about it; give more, or judge by balanced accuracy with care."
        )
