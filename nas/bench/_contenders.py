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
class SamplerSetup:
    """How a search is set up."""

    sampler: str
    """As `nas.search.make_sampler` knows it."""
    deduplicate: bool = True
    """Whether a known network is answered from its first result and costs nothing."""


CONTENDERS: Mapping[str, SamplerSetup] = MappingProxyType(
    {
        "model": SamplerSetup("model"),
        "evolution": SamplerSetup("evolution"),
        "tpe-multivariate+dedup": SamplerSetup("tpe"),
        "tpe+dedup": SamplerSetup("tpe-default"),
        "tpe-multivariate": SamplerSetup("tpe", deduplicate=False),
        "tpe": SamplerSetup("tpe-default", deduplicate=False),
        "nsga2-20": SamplerSetup("nsga2", deduplicate=False),
        "nsga2-50": SamplerSetup("nsga2-50", deduplicate=False),
        "random+dedup": SamplerSetup("random"),
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
