"""A search in TensorBoard: progress as scalars, networks in the HPARAMS tab."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nas.errors import OptionError
from nas.tracking._words import metrics_of, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from nas.report import Document

OWN = "nas"
"""The folder inside the log folder that is ours, and written anew each time."""


def track_in_tensorboard(document: Document, folder: Path) -> Path:
    """Write a run's events into `folder`/nas; returns that folder.

    It holds the front's hypervolume and every network's accuracy over the number of networks, the
    curves of full trainings, and one entry of the HPARAMS tab for each network trained. What an
    earlier call wrote there is replaced.

    Raises:
        OptionError: TensorBoard is not installed, or the folder cannot be written.
    """
    if find_spec("tensorboard") is None:
        raise OptionError(
            "--tensorboard: tensorboard is not installed: pip install 'reuse-nas[tensorboard]'"
        )
    own = folder / OWN
    try:
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir(parents=True)
        _write(document, own)
    except OSError as error:
        raise OptionError(
            f"--tensorboard {folder}: cannot be written ({error.strerror or error}); name a "
            "folder that is writable"
        ) from error
    return own


def _write(document: Document, folder: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    began = min((one.finished_s or 0.0 for one in document.networks), default=0.0)
    with SummaryWriter(str(folder / "search")) as writer:
        _progress(writer, document, began)
    for final in document.finals:
        with SummaryWriter(str(folder / "final" / final.arch_id)) as writer:
            for curve in final.curves:
                for epoch, accuracy in zip(curve.epochs, curve.accuracy, strict=True):
                    writer.add_scalar(f"val_accuracy/{curve.label}", accuracy, int(epoch))
    for one in document.networks:
        if one.state != "complete":
            continue
        with SummaryWriter(str(folder / "networks" / one.arch_id)) as writer:
            metrics = {f"nas/{key}": value for key, value in metrics_of(document, one).items()}
            _hparams(writer, settings_of(document, one), metrics, one.trial)


def _progress(writer: Any, document: Document, began: float) -> None:
    for step in document.progression:
        when = began + step.seconds
        writer.add_scalar("front/hypervolume", step.hypervolume, step.networks, when)
    for number, one in enumerate(document.networks):
        if one.scores is not None and one.state == "complete":
            writer.add_scalar("network/accuracy", one.scores.accuracy, number, one.finished_s)


def _hparams(writer: Any, settings: dict[str, str], metrics: dict[str, float], step: int) -> None:
    """One session of the HPARAMS tab in the writer's own folder.

    `SummaryWriter.add_hparams` would open another folder, named by the time.
    """
    from torch.utils.tensorboard.summary import hparams

    for event in hparams(settings, metrics):  # type: ignore[no-untyped-call]
        writer.file_writer.add_summary(event)
    for key, value in metrics.items():
        writer.add_scalar(key, value, step)
