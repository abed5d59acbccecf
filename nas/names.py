"""What an error proposes for a name that it does not know."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def near(name: str, known: Iterable[str]) -> str:
    """`, did you mean 'tpe'?` where a known name is near; nothing where none is."""
    matches = get_close_matches(name, list(known), n=1)
    return f", did you mean '{matches[0]}'?" if matches else ""
