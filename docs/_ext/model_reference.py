"""The page of every key: written from the records that model files are read against."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.space import Key, reference

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = "model_file_reference.md"
INTRODUCTION = """# Model files: every key

This page is written from the records that model files are read against; `nas explain KEY` prints
the same. A model file with every value given is a network; `choice:` and `range:` leave a value
open, and the file is then a search space.

"""


def setup(app: Any) -> dict[str, Any]:
    """Have Sphinx write the page before it reads the others."""
    app.connect("builder-inited", lambda app: write_page(Path(app.srcdir) / PAGE))
    return {"parallel_read_safe": True}


def write_page(path: Path) -> None:
    """Write the page, if it would be another one."""
    text = page()
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def page() -> str:
    """The whole page as Markdown."""
    parts = groupby(reference(), key=_section)
    return INTRODUCTION + "\n".join(_written(title, keys) for title, keys in parts)


def _section(key: Key) -> str:
    """The part of a model file that a key stands in."""
    parts = key.path.split(".")
    if key.type == "kind":
        return key.path
    inside = [parts[:end] for end in range(len(parts) - 1, 0, -1)]
    kinds = {one.path for one in reference() if one.type == "kind"}
    return next((".".join(one) for one in inside if ".".join(one) in kinds), "") or (
        parts[0] if len(parts) > 1 else "the file"
    )


def _written(title: str, keys: Iterable[Key]) -> str:
    rows = list(keys)
    lines = [f"## `{title}`\n"]
    if rows[0].type == "kind":
        lines += [f"{rows[0].meaning}\n"] + [f"{rows[0].paper}\n"] * bool(rows[0].paper)
        rows = rows[1:]
    elif papers := {row.paper for row in rows if row.paper}:
        lines += [f"{paper}\n" for paper in sorted(papers)]
    if rows:
        lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [_row(row) for row in rows]
    return "\n".join(lines) + "\n"


def _row(key: Key) -> str:
    cells = (f"`{key.name}`", key.type, f"`{key.default}`", key.meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
