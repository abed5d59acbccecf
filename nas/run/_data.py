"""The data of a run: read as the search began with them, described, and compared on resume.

data.json    what the data are: classes, parts, size, what was decided
split.json   which image is in which part, where the data are the user's own
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.data import (
    DataFingerprint,
    DataSummary,
    ImageData,
    describe_change,
    fingerprint,
    load_data,
    load_test,
    summarize_data,
)
from nas.errors import RunFolderError

if TYPE_CHECKING:
    from nas.run._folder import RunFolder
    from nas.run._settings import SearchSettings

TEST_LOOKED_AT = 50_000
"""With more images of a user's own, duplicates in the test part are left to `nas data`."""


def read_data(settings: SearchSettings) -> ImageData:
    """The data of a search, at the size that its networks are trained and counted at."""
    data_dir = Path(settings.data_dir) if settings.data_dir else None
    return load_data(settings.data, data_dir=data_dir, options=settings.data_options)


def describe_data(settings: SearchSettings, data: ImageData) -> DataSummary:
    """What is said of the data before a search.

    Test images of a user's own are compared with the others, pixel by pixel, and used for
    nothing else.
    """
    small = len(data.train) + len(data.val) <= TEST_LOOKED_AT
    own = data.split is not None and not data.train.is_mapped and small
    data_dir = Path(settings.data_dir) if settings.data_dir else None
    test = (
        load_test(settings.data, data_dir=data_dir, options=settings.data_options) if own else None
    )
    return summarize_data(data, test=test, val_images=settings.fidelity.val_images)


def write_data(folder: RunFolder, data: ImageData, summary: DataSummary) -> None:
    """Write what the data are, and which image is in which part."""
    folder.write_json("data.json", summary.to_plain())
    if data.split is not None:
        names = {part: list(getattr(data.split, part)) for part in ("train", "val", "test")}
        folder.write_json("split.json", names | {"made": data.split.made})


def check_data(name: str, began_with: DataFingerprint, data: ImageData) -> None:
    """RunFolderError that says what has changed, where `data` are other than they were."""
    change = describe_change(name, began_with, fingerprint(data))
    if change is not None:
        raise RunFolderError(
            f"{change}; accuracies on both would not compare: bring back the data as they were, "
            "or start a new search"
        )
