"""Walking a user's folder: hidden files, links that lead in circles, and things that are no files.

Nothing is opened but files whose name does not say that they are images.
"""

from __future__ import annotations

import errno
import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from nas.errors import DataError

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp",
    ".gif", ".jfif", ".jp2", ".avif", ".tga",
)  # fmt: skip
"""Those that torchvision's ImageFolder reads, and more."""
_SYSTEM = {"__macosx", "@eadir", "thumbs.db", "desktop.ini", "$recycle.bin", "lost+found"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder and what counts in it, in the order of names."""

    path: Path
    images: tuple[Path, ...]
    folders: tuple[Folder, ...]

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.name

    def all_images(self) -> list[Path]:
        """Images here and in every folder below."""
        below = (image for folder in self.folders for image in folder.all_images())
        return [*self.images, *below]


@dataclass(slots=True)
class Walk:
    """What was met on the way, to be told."""

    other_files: list[Path] = field(default_factory=list)
    """Files that are no images by name nor content."""
    links: list[Path] = field(default_factory=list)
    """Links to folders that are reached without them."""
    irregular: list[Path] = field(default_factory=list)
    """Named as images, but pipes, sockets, devices or broken links."""
    _root: Path = field(default_factory=Path)
    _seen: set[Path] = field(default_factory=set)

    def down(self, root: Path) -> Folder:
        """The tree below `root`. Every real folder is entered once; raises DataError."""
        self._root = root.resolve()
        return self._folder(root)

    def notes(self) -> tuple[str, ...]:
        """One sentence for each kind of thing left out."""
        said = []
        if self.other_files:
            said.append(f"Left out, no images: {_some(self.other_files)}.")
        if self.links:
            said.append(f"Not followed, links to folders counted already: {_some(self.links)}.")
        return tuple(said)

    def _folder(self, path: Path) -> Folder:
        self._seen.add(path.resolve())
        images, folders = [], []
        for entry in _entries(path):
            if is_hidden(entry.name):
                continue
            if _is_loop(entry):
                self.links.append(Path(entry.path))
            elif entry.is_dir():
                if self._is_new(entry):
                    folders.append(self._folder(path / entry.name))
            elif self._is_image(entry):
                images.append(path / entry.name)
        return Folder(path=path, images=tuple(images), folders=tuple(folders))

    def _is_new(self, entry: os.DirEntry[str]) -> bool:
        if not entry.is_symlink():
            return True
        target = Path(entry.path).resolve()
        # A link to a folder inside is a second way to it, or a circle.
        inside = target.is_relative_to(self._root) or self._root.is_relative_to(target)
        if inside or target in self._seen:
            self.links.append(Path(entry.path))
            return False
        return True

    def _is_image(self, entry: os.DirEntry[str]) -> bool:
        path = Path(entry.path)
        named = path.suffix.lower() in IMAGE_SUFFIXES
        if not entry.is_file():
            if named:
                self.irregular.append(path)
            return False
        if named or looks_like_image(path):
            return True
        self.other_files.append(path)
        return False


def _is_loop(entry: os.DirEntry[str]) -> bool:
    """Whether it is a link that leads to itself, by others or at once."""
    if not entry.is_symlink():
        return False
    try:
        entry.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def is_hidden(name: str) -> bool:
    """Whether a name is the system's business: `.git`, `__MACOSX`, `Thumbs.db`."""
    return name.startswith(".") or name.lower() in _SYSTEM


def looks_like_image(path: Path) -> bool:
    """Whether the first bytes are those of an image, whatever the file is called."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path):
            return True
    except Exception:  # whatever Pillow's many readers raise on what is none of theirs
        return False


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be listed: {error.strerror}; mend its permissions, or move it away"
        ) from error


def _some(paths: list[Path]) -> str:
    names = ", ".join(str(path) for path in paths[:3])
    return names + (f" and {len(paths) - 3:,} more" if len(paths) > 3 else "")
