"""A run written into MLflow or TensorBoard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.errors import OptionError
from nas.run._document import document_of
from nas.run._views import write_views

if TYPE_CHECKING:
    from pathlib import Path

    from nas.run._run import Run

ARTIFACTS = ("report.html", "report.json", "trials.csv", "front.csv", "search.json", "space.yaml")


def track_run(
    run: Run, *, mlflow: str | None = None, tensorboard: Path | None = None
) -> tuple[str, ...]:
    """Write a run, finished or not, into other tools; returns a sentence for each.

    Args:
        run: The search.
        mlflow: Address of a tracking server, `sqlite:///FILE`, or a folder.
        tensorboard: Log folder.

    Raises:
        OptionError: neither is given, or one cannot be written to.
    """
    from nas.tracking import track_in_mlflow, track_in_tensorboard

    if mlflow is None and tensorboard is None:
        raise OptionError("say where to, with `mlflow` URI or `tensorboard` FOLDER")
    document, told = document_of(run), []
    if mlflow is not None:
        write_views(run)
        artifacts = [run.path / name for name in ARTIFACTS]
        parent = track_in_mlflow(document, mlflow, artifacts=artifacts)
        told.append(f"MLflow: parent run {parent} at {mlflow}")
    if tensorboard is not None:
        own = track_in_tensorboard(document, tensorboard)
        told.append(f"TensorBoard: tensorboard --logdir {own.parent}")
    return tuple(told)
