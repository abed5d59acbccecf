"""Expressions as source lines, broken where they are too long as `ruff format` breaks them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias, Union

from nas.arch import Call, Ref

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.arch import Argument

WIDTH = 99
INDENT = " " * 4

Expression: TypeAlias = Union["Argument", "Sequence[Expression]"]


def render(value: Expression, depth: int, *, prefix: str = "", suffix: str = "") -> list[str]:
    """Lines of `prefix value suffix`, indented by `depth`: one, or one for every argument."""
    line = f"{INDENT * depth}{prefix}{flat(value)}{suffix}"
    if len(line) <= WIDTH or not isinstance(value, Call | list | tuple):
        return [line]
    if isinstance(value, Call):
        opening, closing = f"{value.name}(", ")"
        items = [(f"{key}=", item) for key, item in value.arguments]
    else:
        opening, closing = "[", "]"
        items = [("", item) for item in value]
    lines = [f"{INDENT * depth}{prefix}{opening}"]
    for key, item in items:
        lines += render(item, depth + 1, prefix=key, suffix=",")
    return [*lines, f"{INDENT * depth}{closing}{suffix}"]


def render_copies(call: Call, count: int, depth: int) -> list[str]:
    """An item of an argument list: `count` modules that are made alike."""
    if count == 1:
        return render(call, depth, suffix=",")
    repeat = f"for _ in range({count})"
    line = f"{INDENT * depth}*({flat(call)} {repeat}),"
    if len(line) <= WIDTH:
        return [line]
    body = f"{INDENT * (depth + 1)}{flat(call)} {repeat}"
    inner = (
        [body]
        if len(body) <= WIDTH
        else [*render(call, depth + 1), f"{INDENT * (depth + 1)}{repeat}"]
    )
    return [f"{INDENT * depth}*(", *inner, f"{INDENT * depth}),"]


def flat(value: Expression) -> str:
    """An expression on one line."""
    if isinstance(value, Call):
        inner = ", ".join(f"{key}={flat(item)}" for key, item in value.arguments)
        return f"{value.name}({inner})"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flat, value))}]"
    if isinstance(value, str):
        return json.dumps(value)
    return value.name if isinstance(value, Ref) else repr(value)
