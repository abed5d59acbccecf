"""What the records' own types say: the fields of a record, and the bounds of a value."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from nas.arch import Architecture, Bounds


@cache
def field_hints(cls: type) -> dict[str, tuple[Any, bool]]:
    """Type and whether it is required, for each field of a record."""
    hints = get_type_hints(cls, include_extras=True)
    return {
        item.name: (hints[item.name], item.default is dataclasses.MISSING)
        for item in dataclasses.fields(cls)
    }


def known_names(cls: type) -> list[str]:
    """The keys that may be given for a record."""
    beside = ("description", "ladder", "tied") if cls is Architecture else ()
    return [*field_hints(cls), *beside]


def unwrap(hint: Any) -> tuple[Any, Bounds | None]:
    """A type without its annotation, and the bounds the annotation held."""
    if get_origin(hint) is not Annotated:
        return hint, None
    inner, *extras = get_args(hint)
    return inner, next((extra for extra in extras if isinstance(extra, Bounds)), None)
