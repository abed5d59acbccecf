"""The data of a run: read as the search began with them, described, and compared on resume.

data.json    what the data are: classes, parts, size, what was decided
split.json   which image is in which part, where the data are the user's own
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nas.data import (
    DEFAULT_OPTIONS,
    DataFingerprint,
    DataOptions,
    DataSummary,
    ImageData,
    Loader,
    describe_change,
    find_loader,
    fingerprint,
    load_data,
    load_test,
    summarize_data,
)
from nas.errors import DataError, RunFolderError
from nas.metrics import Metric, custom_metrics
from nas.train import find_loss, register_loss

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.run._folder import RunFolder
    from nas.run._run import Run
    from nas.run._settings import SearchSettings
    from nas.train import Loss
    from nas.trial import Task, TrialResult
    from nas.workers import WorkerInfo

CARRIED_BYTES = 2_000_000_000
"""Data up to this size are sent to a cluster's machines, once to each."""
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
    fidelity = settings.fidelity
    return summarize_data(data, test=test, val_images=fidelity.val_images, folds=fidelity.folds)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyFactory:
    """Makes a worker's evaluator; travels to the worker and loads the data there, or has them."""

    data: str
    data_dir: str | None
    options: DataOptions = DEFAULT_OPTIONS
    loader: Loader | None = None
    """The function that `data` stands for, where it is a user's own."""
    began_with: DataFingerprint | None = None
    """What the data must be, on every machine."""
    metrics: tuple[Metric, ...] = ()
    """Of the user's own, computed on trained networks."""
    losses: tuple[tuple[str, Loss], ...] = ()
    """Of the user's own, by name."""
    carried: ImageData | None = None
    """The data themselves, for machines that need not have them."""
    on_cluster: bool = False
    """Whether a worker may be on a machine that does not have the data."""

    @classmethod
    def of(cls, run: Run, *, carry: bool = False) -> ProxyFactory:
        """For the data of a run; `carry` takes them along if they are not too many."""
        settings = run.settings
        data = read_data(settings) if carry else None
        names = {one.loss for one in settings.rungs if one.loss is not None}
        return cls(
            losses=tuple((name, find_loss(name)) for name in sorted(names)),
            carried=data if data is not None and _travels(data) else None,
            on_cluster=carry,
            data=settings.data,
            data_dir=settings.data_dir,
            options=settings.data_options,
            loader=find_loader(settings.data),
            began_with=run.facts.data,
            metrics=custom_metrics(run.problem.objectives, run.problem.limits, "scores"),
        )

    def __call__(self, info: WorkerInfo) -> Callable[[Task], TrialResult]:
        """Load the data and be ready to train."""
        from nas.proxy import Evaluator

        for name, loss in self.losses:
            register_loss(name, loss)
        data = self.carried or self._load()
        if self.began_with is not None:
            check_data(self.data, self.began_with, data)
        return Evaluator(
            data, info.device, metrics=self.metrics, num_on_machine=info.num_on_machine
        )

    def _load(self) -> ImageData:
        data_dir = Path(self.data_dir) if self.data_dir else None
        try:
            return load_data(
                self.data, data_dir=data_dir, options=self.options, loader=self.loader
            )
        except DataError as error:
            if not self.on_cluster:
                raise
            raise DataError(
                f"{error} (on {socket.gethostname()}: data of more than "
                f"{CARRIED_BYTES / 1e9:.0f} GB must be on every machine, under the same path)"
            ) from error


def _travels(data: ImageData) -> bool:
    """Whether the images may be sent to every machine of a cluster."""
    parts = (data.train, data.val)
    nbytes = sum(part.pixels.nbytes + part.labels.nbytes for part in parts)
    return not any(part.is_mapped for part in parts) and nbytes <= CARRIED_BYTES
