"""A call in words: what parts of a network have in common, and whose code they run."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from nas.arch import Call, Ref

if TYPE_CHECKING:
    from collections.abc import Iterator


@lru_cache(maxsize=1 << 15)
def part_tags(call: Call) -> tuple[str, ...]:
    """What a call says in words: classes, activations, banks of kernels, flags."""
    return tuple(sorted(set(_words(call))))


def _words(call: Call) -> Iterator[str]:
    yield call.name
    for key, value in call.arguments:
        if isinstance(value, Call):
            yield from _words(value)
        elif isinstance(value, Ref):
            yield value.name
        elif isinstance(value, str | bool):
            yield f"{key}={value}"
