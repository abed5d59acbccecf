"""Every command that a page shows has verbs, options and choices that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

import nas
from nas.cli import app

ROOT = Path(nas.__file__).parents[1]
PAGES = [*sorted(ROOT.glob("docs/*.md")), ROOT / "README.md", ROOT / "docker" / "README.md"]
VERBS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
pytestmark = pytest.mark.skipif(
    not (ROOT / "docs").is_dir(), reason="docs/ is not part of this copy"
)


def commands(text: str) -> list[str]:
    """Lines of code blocks, indented or fenced, that begin with `nas`, and inline ones."""
    found = re.findall(r"^\s*(?:\.venv/bin/)?(nas [a-z].*)$", text, flags=re.M)
    inline = re.findall(r"`(nas [a-z][^`\n]*)`", text)
    return [line for line in (*found, *inline) if line.split()[1] in VERBS or "--" in line]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_verbs_and_options_are_known(page: Path) -> None:
    for line in commands(page.read_text(encoding="utf-8")):
        words = shlex.split(line.replace("…", ""), comments=True)
        assert words[1] in VERBS, line
        options = VERBS[words[1]].params
        known = {name for one in options for name in (*one.opts, *one.secondary_opts, "--help")}
        for word in words[2:]:
            option = word.split("=")[0].strip(",.;)")
            if option.startswith("--") and len(option) > 2:
                assert option in known, f"{page.name}: {line}: {option}"


def test_there_are_many() -> None:
    counts = [len(commands(page.read_text(encoding="utf-8"))) for page in PAGES]
    assert sum(counts) > 80
