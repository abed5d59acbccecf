"""Which software and machine produced a result."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import RunFolderError
from nas.records import read_record
from nas.search import hide_passwords, without_password

if TYPE_CHECKING:
    from nas.run._folder import RunFolder

PACKAGES = ("reuse-nas", "torch", "torchvision", "optuna", "ray", "moocore", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Versions, machine and command line, as `environment.json` has them."""

    command: tuple[str, ...]
    python: str
    packages: dict[str, str | None]
    """Version of each; None where it is not installed."""
    platform: str
    processor: str
    cpus: int | None
    load_average: float
    """Of the last minute before the search began."""


def describe_environment() -> Environment:
    """Those of this process."""
    return Environment(
        command=(Path(sys.argv[0]).name, *map(_public, sys.argv[1:])),
        python=platform.python_version(),
        packages={name: _version(name) for name in PACKAGES},
        platform=platform.platform(),
        processor=_processor(),
        cpus=os.cpu_count(),
        load_average=os.getloadavg()[0],
    )


def read_environment(folder: RunFolder) -> Environment:
    """That of a run. Raises RunFolderError."""
    try:
        return read_record(Environment, folder.read_json("environment.json"))
    except ValueError as error:
        raise RunFolderError(
            f"{folder.path / 'environment.json'}: is damaged: {error}; restore the file"
        ) from error


def _public(word: str) -> str:
    """A word of the command line, without passwords."""
    name, sign, value = word.partition("=") if word.startswith("--") else ("", "", word)
    return name + sign + hide_passwords(without_password(value))


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
