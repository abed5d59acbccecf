"""The folder of a full training: what was asked for, what is under way, what came of it.

training.json        what was asked for
recipe.yaml          the recipe, overrides applied
plugins.json         block families and losses from outside, where there are any
model.yaml           the network
seed-N/              of each seed: checkpoint.pt, weights.safetensors once it is over
curves.csv, .png     every epoch of every seed
report.json          the figures, the test images' among them; written last
weights.safetensors  of the seed that does best on validation images
export/              the network as PyTorch code, with these weights
"""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.errors import RunFolderError
from nas.report import replacing
from nas.units import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMAT = 1
"""Of `training.json`; a folder of another format is refused rather than misread."""


@dataclass(frozen=True, slots=True)
class TrainingFolder:
    """Paths and files of one full training."""

    path: Path

    @classmethod
    def create(cls, path: Path) -> TrainingFolder:
        """Make a new folder. Raises RunFolderError if it is in use or cannot be made."""
        if (path / "training.json").exists():
            raise RunFolderError(
                f"{path}: holds a training already; go on with `nas train --resume "
                f"{quoted(path)}`, or name another folder with `out`"
            )
        try:
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise RunFolderError(
                    f"{path}: exists and is not an empty folder; name another with `out`"
                )
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(
                f"{path}: cannot be made ({error.strerror}); name another folder with `out`"
            ) from error
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> TrainingFolder:
        """A training that has begun. Raises RunFolderError."""
        if not (path / "training.json").is_file():
            raise RunFolderError(
                f"{path}: not a folder of `nas train`: training.json is missing; begin with "
                "`nas train MODEL`"
            )
        return cls(path)

    def seed(self, seed: int) -> Path:
        """The folder of one seed, made where it is missing."""
        folder = self.path / f"seed-{seed}"
        folder.mkdir(exist_ok=True)
        return folder

    def write(self, name: str, content: bytes) -> None:
        """Write a file as a whole or not at all. Raises RunFolderError."""
        with replacing(self.path / name) as draft:
            draft.write_bytes(content)

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file as a whole or not at all."""
        self.write(name, (json.dumps(content, indent=2) + "\n").encode())

    def read(self, name: str) -> str:
        """Read a text file. Raises RunFolderError."""
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RunFolderError(f"{self.path / name}: cannot be read: {reason}") from error

    def read_json(self, name: str) -> Any:
        """Read a JSON file. Raises RunFolderError."""
        try:
            return json.loads(self.read(name))
        except ValueError as error:
            raise RunFolderError(f"{self.path / name}: is damaged: {error}") from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only process that trains here. Raises RunFolderError if another one does."""
        with (self.path / "training.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunFolderError(
                    f"{self.path}: another process trains here; wait for it, or stop it first"
                ) from None
            yield
