"""Which software and machine produced a result."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from nas.search import hide_passwords, without_password

PACKAGES = ("reuse-nas", "torch", "torchvision", "optuna", "ray", "moocore", "numpy")


def describe_environment() -> dict[str, Any]:
    """Versions, machine and command line, ready for JSON."""
    return {
        "command": [Path(sys.argv[0]).name, *map(_public, sys.argv[1:])],
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg()[0],
    }


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
