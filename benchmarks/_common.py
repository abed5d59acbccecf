"""Where a benchmark ran. Only the standard library, for some of them run on bare machines."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> dict[str, str]:
    """What figures depend on: processor, cores, load of the last minute, versions."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def machine_line(*packages: str) -> str:
    """The same as one line: print it before measuring and, where that takes long, after."""
    found = machine(*packages)
    versions = ", ".join(f"{name} {found[name]}" for name in ("python", *packages))
    return f"{found['processor']}, {found['cores']} cores, load {found['load']}; {versions}"


def _processor() -> str:
    """The model's name where Linux tells it; the architecture elsewhere."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
