"""An architecture in one line, for tables."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING

from nas.components import Head

if TYPE_CHECKING:
    from nas.arch._records import Architecture, Stage
    from nas.components import Component


def summarize(arch: Architecture) -> str:
    """Stem, stages and head in a few words: `24 > 32 lru(reuse=8) x2 > ... > gap_linear`."""
    wide = arch.scaled
    stages = [_stage(stage) for stage in wide.stages]
    seen = "" if arch.resolution is None else f"{arch.resolution} px > "
    first = str(wide.stem.channels or "images")
    return seen + " > ".join([first, *stages, _component(wide.head)])


def _stage(stage: Stage) -> str:
    times = f" x{stage.depth}" if stage.depth != 1 else ""
    return f"{stage.channels} {_component(stage.block)}{times}"


def _component(part: Component) -> str:
    """The kind, and the options that differ from their defaults."""
    if isinstance(part, Head) and part.outputs:
        heads = [f"{name} {count} {_component(head)}" for name, count, head in part.outputs]
        return f"{part.kind}({', '.join(heads)})"
    options = [
        f"{item.name}={getattr(part, item.name)}"
        for item in fields(part)  # type: ignore[arg-type]
        if item.default is MISSING or getattr(part, item.name) != item.default
    ]
    return f"{part.kind}({', '.join(options)})" if options else part.kind
