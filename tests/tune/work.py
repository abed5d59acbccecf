"""What trials do in tests: importable by workers."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import OptionError

if TYPE_CHECKING:
    from nas.tune import Tell


def count(payload: Any, folder: Path, tell: Tell) -> None:
    """Write 1, 2, 3, one at a time; a payload with a `die` file ends its process once at 2."""
    number, die = payload
    path = folder / "count.txt"
    begun = len(path.read_text().split()) if path.exists() else 0
    for step in range(begun + 1, 4):
        with path.open("a") as file:
            file.write(f"{number * step} ")
        tell({"step": float(step)})
        if step == 2 and die and not Path(die).exists():
            Path(die).touch()
            os._exit(1)


def interrupt(payload: Any, folder: Path, tell: Tell) -> None:
    """Press Ctrl-C in the driver, once, and wait for what comes of it; write what was done."""
    driver, pressed = payload
    tell({"step": 1.0})
    if not Path(pressed).exists():
        Path(pressed).touch()
        os.kill(driver, signal.SIGINT)
        time.sleep(600)
    (folder / "done.txt").touch()


def refuse(payload: Any, folder: Path, tell: Tell) -> None:
    raise OptionError(f"--number {payload}: cannot be")
