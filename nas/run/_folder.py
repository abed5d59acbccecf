"""The run folder: what a search leaves behind, and the lock that keeps it to one driver.

search.json        what was asked for, and the facts it was measured with
space.yaml         the space searched
plugins.json       block families from outside, if any are used
study.journal      the Optuna study (unless `storage` names another place)
environment.json   versions, machine, command
data.json          what the data are, and what was decided of them
split.json         which image is in which part, where the data are the user's own
log.txt            one line per event
front.csv, .png    the Pareto front
weights/           one safetensors file per network on the front
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from socket import gethostname
from typing import IO, TYPE_CHECKING, Any

from nas.errors import RunFolderError
from nas.files import drafted
from nas.units import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEFORE_THE_FIRST = (
    *("search.json", "space.yaml", "study.journal", "environment.json", "latency.json"),
    *("data.json", "split.json", "plugins.json", "report.json"),
    *("run.lock", "front.csv", "front.png", "trials.csv", "report.html"),
)
"""Files that may be there before the first network is trained."""

FORMAT = 3
"""Of `search.json`; a folder of another format is refused rather than misread."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths and files of one run."""

    path: Path

    @property
    def journal(self) -> Path:
        """The study's journal."""
        return self.path / "study.journal"

    def weights(self, arch_id: str) -> Path:
        """The weights of one network."""
        return self.path / "weights" / f"{arch_id}.safetensors"

    @classmethod
    def create(cls, path: Path) -> RunFolder:
        """Make a new folder, or take over that of a search that never began.

        Raises RunFolderError if it exists or cannot be made.
        """
        path = path.absolute()
        with _as_user_error(path):
            if (path / "search.json").exists():
                cls(path)._clear()
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise RunFolderError(
                    f"{path}: exists and is not an empty folder; name another with `out`"
                )
            (path / "weights").mkdir(parents=True)
        return cls(path)

    @classmethod
    def create_new(cls, path: Path) -> RunFolder:
        """Make a folder of this name, or with -2, -3, ... after it where there is one.

        Raises RunFolderError if it cannot be made.
        """
        _make_parents(path.parent)
        for number in count(1):
            named = path if number == 1 else path.with_name(f"{path.name}-{number}")
            try:
                named.mkdir()
            except FileExistsError:
                continue
            except OSError:
                pass  # `create` says why
            return cls.create(named)
        raise AssertionError("count() does not end")

    def _clear(self) -> None:
        """Remove what a search that never began has written. Raises RunFolderError if it has."""
        if not self._never_began():
            raise RunFolderError(
                f"{self.path}: holds a search already; continue it with `nas resume "
                f"{quoted(self.path)}`, or name another folder with `out`"
            )
        self._remove_beginnings()

    def _never_began(self) -> bool:
        """Whether nothing is here but what is written before the first network is trained."""
        there = (path.relative_to(self.path).as_posix() for path in self.path.rglob("*"))
        return all(map(_is_beginning, there)) and not self.is_locked()

    def _remove_beginnings(self) -> None:
        """Remove what is here where the search never began."""
        for path in self.path.iterdir():
            if path.name != "weights":
                path.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            (self.path / "weights").rmdir()

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run's folder. Raises RunFolderError."""
        with _as_user_error(path):
            if not path.exists():
                raise RunFolderError(
                    f"{path}: no such run folder; `nas search` prints the name of the one it makes"
                )
            if not (path / "search.json").is_file():
                raise RunFolderError(f"{path}: not a run folder: search.json is missing")
        return cls(path)

    def discard(self) -> None:
        """Take back what `create` made and what was written since, unless the search began."""
        with suppress(OSError):
            if self._never_began():
                self._remove_beginnings()
                self.path.rmdir()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only driver of this run. Raises RunFolderError if another one is."""
        with self._lock_file() as file:
            self._take(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def lock_for_drivers(self, *, join: bool) -> Iterator[None]:
        """Be a driver that others may join; `join`: beside those there are.

        Raises RunFolderError if the folder is in use otherwise.
        """
        with self._lock_file() as file:
            if not join:
                self._take(file, fcntl.LOCK_EX)
            self._take(file, fcntl.LOCK_SH)
            yield

    @contextmanager
    def _lock_file(self) -> Iterator[IO[str]]:
        with ExitStack() as stack:
            with _as_user_error(self.path):
                file = stack.enter_context((self.path / "run.lock").open("a"))
            yield file

    def _take(self, file: IO[str], kind: int) -> None:
        with _as_user_error(self.path):
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunFolderError(
                    f"{self.path}: another process is running this search; wait for it, stop it "
                    f"first, or search beside it with `nas resume {quoted(self.path)} --join`"
                ) from None

    @property
    def seat(self) -> str:
        """Which folder this is among all machines', for as long as the machine is up."""
        about = self.path.stat()
        boot = Path("/proc/sys/kernel/random/boot_id")
        machine = boot.read_text() if boot.exists() else gethostname()
        name = f"{machine} {about.st_dev} {about.st_ino}"
        return hashlib.blake2b(name.encode(), digest_size=6).hexdigest()

    def is_locked(self) -> bool:
        """Whether a driver runs this search now, in whatever process."""
        try:
            with (self.path / "run.lock").open("r") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file as a whole or not at all."""
        self.write_bytes(name, (json.dumps(content, indent=2) + "\n").encode())

    def read_json(self, name: str) -> Any:
        """Read a JSON file. Raises RunFolderError."""
        try:
            return json.loads(self.read_text(name))
        except ValueError as error:
            raise RunFolderError(f"{self.path / name}: is damaged: {error}") from error

    def read_text(self, name: str) -> str:
        """Read a text file. Raises RunFolderError."""
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RunFolderError(f"{self.path / name}: cannot be read: {reason}") from error

    def read_weights(self, arch_id: str) -> bytes:
        """The trained state of a network of the front. Raises RunFolderError."""
        path = self.weights(arch_id)
        try:
            return path.read_bytes()
        except OSError as error:
            raise RunFolderError(
                f"{path}: the weights of this network cannot be read: {error.strerror}; "
                f"{self.weights_advice}"
            ) from error

    @property
    def weights_advice(self) -> str:
        """What to do where weights are missing or damaged."""
        return (
            f"restore the file, or train the network again with `nas repair {quoted(self.path)}`"
        )

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file as a whole or not at all."""
        path = self.path / name
        with _as_user_error(path):
            # Not the run folder itself: one that was moved away must not become two.
            if self.path.is_dir():
                path.parent.mkdir(exist_ok=True)
            with drafted(path, alone=True) as draft:
                draft.write_bytes(content)

    def log(self, line: str) -> None:
        """Append a line with the time to the log."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with _as_user_error(self.path / "log.txt"), (self.path / "log.txt").open("a") as file:
            file.write(f"{now} {line}\n")

    def keep_weights(self, arch_ids: set[str]) -> None:
        """Remove the weights of all other networks."""
        with _as_user_error(self.path / "weights"):
            for file in (self.path / "weights").glob("*.safetensors"):
                if file.stem not in arch_ids:
                    file.unlink(missing_ok=True)


def _is_beginning(name: str) -> bool:
    """Whether this may be there before the first network is trained, drafts and locks included."""
    known = name.removesuffix(".part") in (*_BEFORE_THE_FIRST, "weights")
    return known or name.startswith("study.journal.lock")


def _make_parents(folder: Path) -> None:
    """Make the folder that run folders are in. Raises RunFolderError."""
    with _as_user_error(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise RunFolderError(
                f"{error.filename}: is a file, or a link to nothing, and run folders are to be "
                "made there; move it away, or name another folder with `out`"
            ) from error


@contextmanager
def _as_user_error(path: Path) -> Iterator[None]:
    """Turn the system's refusals into a sentence."""
    try:
        yield
    except OSError as error:
        raise RunFolderError(
            f"{path}: cannot be used: {error.strerror or error}; mend that, or name another "
            "folder with `out`; a search that had begun goes on with `nas resume`"
        ) from error
