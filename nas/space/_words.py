"""The words of error messages: a value as it is shown, and what to write instead."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from nas.names import near as names_near
from nas.space._yaml import Fields, Items, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nas.space._yaml import Node

MAX_SHOWN = 60
"""Characters of a value that a message repeats."""
MAX_COMPARED = 1000
"""Names among which a nearest one is looked for."""
OPEN = ("tied", "choice", "range")
"""The keys that make a value open."""
LEAVE_OPEN = "; write {choice: [...]} to leave it open"
TYPE_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}


def near(value: Any, known: Iterable[Any]) -> str:
    """A hint at the nearest legal name, if any is near."""
    # A quoted '3' is near to the number 3, but to be told so would be a riddle.
    names = [str(name) for name in islice(known, MAX_COMPARED) if str(name) != str(value)]
    return names_near(str(value), names)


def shown(node: Node) -> str:
    """A node as a message shows it."""
    if isinstance(node, Items):
        return "a list"
    if isinstance(node, Fields):
        return "a mapping"
    if node.value is None:
        return "nothing"
    text = str(node.value).lower() if isinstance(node.value, bool) else repr(node.value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def advice(node: Node) -> str:
    """What to write instead of a value of the wrong type."""
    if isinstance(node, Scalar) and isinstance(node.value, float) and node.value.is_integer():
        return f"; write {int(node.value)}"
    if isinstance(node, Items):
        return LEAVE_OPEN
    for key in node.fields if isinstance(node, Fields) else ():
        if hint := near(key, OPEN):
            return f"; unknown key '{key}'{hint}"
    return ""
