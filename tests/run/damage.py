"""What becomes of files: a value is another, a line is lost or doubled, bytes differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from pathlib import Path

LEAVES = (None, True, -1, 0, 3, 10**30, 0.5, float("nan"), "", "x", "4", [], [1], {}, {"a": 1})
"""What a value is replaced by."""


def leaves(plain: Any) -> list[tuple[Any, Any]]:
    """Every place in nested lists and dicts: the container and the key."""
    items = plain.items() if isinstance(plain, dict) else enumerate(plain)
    found = []
    for key, value in items:
        found.append((plain, key))
        if isinstance(value, dict | list):
            found += leaves(value)
    return found


def with_another_value(text: str, rng: random.Random) -> str:
    """JSON in which one value is another, or lacks."""
    plain = json.loads(text)
    container, key = rng.choice(leaves(plain))
    if rng.random() < 0.3:
        del container[key]
    else:
        container[key] = rng.choice(LEAVES)
    return json.dumps(plain)


def with_another_line(content: bytes, rng: random.Random) -> bytes:
    """One line is lost, doubled, cut or says something else."""
    lines = content.decode().splitlines()
    place, how = rng.randrange(len(lines)), rng.randrange(5)
    if how == 0:
        del lines[place]
    elif how == 1:
        lines.insert(rng.randrange(len(lines)), lines[place])
    elif how == 2:
        lines[place] = lines[place][: rng.randrange(len(lines[place]) + 1)]
    elif lines[place].startswith("{"):
        lines[place] = with_another_value(lines[place], rng)
    return "\n".join(lines).encode() + b"\n"


def with_other_bytes(content: bytes, rng: random.Random) -> bytes:
    """Cut, or with bytes changed."""
    if rng.random() < 0.5:
        return content[: rng.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def damaged(path: Path, content: bytes, rng: random.Random) -> bytes:
    """What becomes of a file."""
    if rng.random() < 0.2 or path.suffix == ".safetensors":
        return with_other_bytes(content, rng)
    if path.suffix == ".json":
        return with_another_value(content.decode(), rng).encode()
    return with_another_line(content, rng)
