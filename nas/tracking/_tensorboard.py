"""A search in TensorBoard: progress as scalars, networks in the HPARAMS tab."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import OptionError
from nas.tracking._words import metrics_of, progress, run_id, safe, settings_of

if TYPE_CHECKING:
    from nas.report import Document

MARK = "written_by_nas_track.txt"
"""Lies in each folder that is ours; nothing is replaced where it is missing."""
EVENTS = "events.out.tfevents.*"
"""As TensorBoard names its files."""


def track_in_tensorboard(document: Document, folder: Path) -> Path:
    """Write a run's events into a folder of its own within `folder`; returns that one.

    It holds the front's hypervolume and every network's accuracy over the number of networks, the
    curves of full trainings, and one entry of the HPARAMS tab for each network trained. Its name
    is the run's, with six digits that tell runs of one name apart. The events that an earlier
    call wrote there are replaced, and nothing else is.

    Raises:
        OptionError: TensorBoard is not installed, the folder cannot be written, or what lies in
            the place of the run's own is not ours.
    """
    if find_spec("tensorboard") is None:
        raise OptionError(
            "`tensorboard`: tensorboard is not installed: pip install 'reuse-nas[tensorboard]'"
        )
    own = folder / f"{safe(Path(document.name).resolve().name)}-{run_id(document)[:6]}"
    try:
        _make_room(own)
        _write(document, own)
    except OSError as error:
        raise OptionError(
            f"`tensorboard` {folder}: cannot be written ({error.strerror or error}); name a "
            "folder that is writable"
        ) from error
    return own


def _make_room(own: Path) -> None:
    """The run's folder, without the events of an earlier call. Raises OptionError."""
    mark = own / MARK
    if own.exists() and not mark.is_file():
        raise OptionError(
            f"`tensorboard` {own.parent}: {own.name} is there and `nas track` did not write it "
            f"({MARK} is missing), so it is left as it is; move it away, or name another folder"
        )
    own.mkdir(parents=True, exist_ok=True)
    mark.write_text("`nas track` writes the events in this folder anew each time.\n")
    for events in own.rglob(EVENTS):
        events.unlink()


def _write(document: Document, folder: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder / "search")) as writer:
        _progress(writer, document)
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


def _progress(writer: Any, document: Document) -> None:
    for step, time_s in progress(document):
        writer.add_scalar("front/hypervolume", step.hypervolume, step.networks, time_s)
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
