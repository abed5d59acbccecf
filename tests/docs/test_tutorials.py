"""The tutorials run as they stand, with smaller budgets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nas

PAGE = Path(nas.__file__).parents[1] / "docs" / "tutorials.md"
FIRST = PAGE.with_name("first_network.md")
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="docs/ is not part of this copy")
SMALLER = (
    (r"--budget \d+", "--budget 1"),
    (r"--epochs \d+", "--epochs 1"),
    (r"epochs=\d+", "epochs=1"),
    (r"--scenes \d+", "--scenes 30"),
    (r"--finalists \d+ --seeds \d+", "--finalists 1 --seeds 1"),
)


def chapters() -> dict[str, str]:
    """The text of each tutorial by its heading."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def texts() -> dict[str, str]:
    """What runs from beginning to end, by its heading."""
    if not PAGE.is_file():
        return {}
    return chapters() | {"from a folder to a device": FIRST.read_text(encoding="utf-8")}


def blocks(text: str) -> list[tuple[str, str]]:
    """(language, text) of what the reader is to run."""
    return re.findall(r"^```(python|sh)\n(.*?)^```$", text, flags=re.M | re.S)


def test_there_are_three_tutorials_with_something_to_run() -> None:
    found = chapters()

    assert len(found) == 3
    for text in found.values():
        commands = [block for language, block in blocks(text) if language == "sh"]
        for verb in ("nas data", "nas search", "nas train"):
            assert any(verb in block for block in commands), verb


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("chapter", texts())
def test_a_tutorial_runs(chapter: str, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name, begun in (("nas", f"{sys.executable} -m nas"), ("python", sys.executable)):
        command = tmp_path / "bin" / name
        command.write_text(f'#!/bin/sh\nexec {begun} "$@"\n')
        command.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(PAGE.parents[1]),
    }
    for language, block in blocks(texts()[chapter]):
        for old, new in SMALLER:
            block = re.sub(old, new, block)
        words = [sys.executable, "-c", block] if language == "python" else ["sh", "-ec", block]
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
