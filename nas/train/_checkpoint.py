"""A training put away after each epoch, so that it goes on to the same bits after any stop."""

from __future__ import annotations

import hashlib
import os
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from nas.errors import RunFolderError
from nas.files import drafted
from nas.train._device import slice_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nas.data import ImageData

_FORMAT = 1
_CHUNK = 4_096
_DAMAGES = (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """One file, and what a training must have in common with it to go on from there."""

    path: Path
    identity: Mapping[str, str]
    """What the result follows from, by name: network, recipe, seed, data, threads."""

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the file as a whole or not at all. Raises RunFolderError."""
        document = {"format": _FORMAT, "identity": dict(self.identity), "state": dict(state)}
        try:
            with drafted(self.path, alone=True) as draft, draft.open("wb") as file:
                torch.save(document, file)
                file.flush()
                os.fsync(file.fileno())
        except (OSError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RunFolderError(
                f"{self.path}: the checkpoint cannot be written ({reason}); make room or mend the "
                "folder, then go on with `nas train --resume`"
            ) from error

    def load(self) -> dict[str, Any] | None:
        """The state put away last; None where there is none.

        Raises:
            RunFolderError: It cannot be read, or is of another training.
        """
        if not self.path.exists():
            return None
        try:
            document = torch.load(self.path, map_location="cpu", weights_only=True)
            written = document["format"], document["identity"], document["state"]
        except _DAMAGES as error:
            raise RunFolderError(
                f"{self.path}: is damaged ({type(error).__name__}); delete it, and this training "
                "begins anew"
            ) from error
        self._check(*written[:2])
        state: dict[str, Any] = written[2]
        return state

    def _check(self, written_format: int, identity: Mapping[str, str]) -> None:
        if written_format != _FORMAT:
            raise RunFolderError(
                f"{self.path}: written by another version of nas (format {written_format}, this "
                f"one reads {_FORMAT}); use that version, or delete it and begin anew"
            )
        for name, value in self.identity.items():
            if identity.get(name) != value:
                raise RunFolderError(
                    f"{self.path}: this training has another {name} than the one it was begun "
                    f"with ({identity.get(name)} then, {value} now); put it back, or delete the "
                    "checkpoint and begin anew"
                )


def data_digest(data: ImageData) -> str:
    """16 hex digits that change with any pixel or label of training and validation images."""
    digest = hashlib.blake2b(digest_size=8)
    for images in (data.train, data.val):
        digest.update(f"{len(images)} {tuple(images.pixels.shape[1:])}".encode())
        digest.update(images.labels.cpu().numpy().tobytes())
        for start in range(0, len(images), _CHUNK):
            pixels = slice_of(images, start, start + _CHUNK)
            digest.update(pixels.contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()
