"""What `nas bench` compares: samplers, with and without our deduplication."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Contender:
    """How a search is set up."""

    sampler: str
    """As `nas.search.make_sampler` knows it."""
    deduplicate: bool = True
    """Whether a known network is answered from its first result and costs nothing."""


CONTENDERS: Mapping[str, Contender] = MappingProxyType(
    {
        "model": Contender("model"),
        "evolution": Contender("evolution"),
        "tpe-multivariate+dedup": Contender("tpe"),
        "tpe+dedup": Contender("tpe-default"),
        "tpe-multivariate": Contender("tpe", deduplicate=False),
        "tpe": Contender("tpe-default", deduplicate=False),
        "nsga2-20": Contender("nsga2", deduplicate=False),
        "nsga2-50": Contender("nsga2-50", deduplicate=False),
        "random+dedup": Contender("random"),
    }
)
"""By name, as `nas bench --samplers` takes them. `tpe` is Optuna 5's default."""


def engine_version(name: str) -> str:
    """What a contender's results depend on: Optuna's release, and the source of our engine."""
    folder = Path(str(files("nas.search")))
    others = () if CONTENDERS[name].sampler == "model" else folder.glob("samplers/model/*.py")
    paths = sorted({*folder.rglob("*.py")} - {*others})
    sources = b"".join(path.read_bytes() for path in paths)
    return f"optuna {version('optuna')}, source {hashlib.sha256(sources).hexdigest()[:12]}"
