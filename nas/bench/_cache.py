"""Finished races on disk, one JSON file each, so that a long comparison can be interrupted."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from nas.bench._race import Finish, Race

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of races."""

    folder: Path

    def load(self, race: Race, version: str) -> Finish | None:
        """A race that was run by this version of the sampler, over this budget or a longer one."""
        path = self._path(race)
        if not path.exists():
            return None
        record = json.loads(path.read_text())
        stored = Race(**record["race"])
        if record["version"] != version or stored.budget < race.budget:
            return None
        return _shortened(
            Finish(
                race=stored,
                trained=tuple(record["trained"]),
                finished_s=tuple(record["finished_s"]),
                repeats=tuple(record["repeats"]),
                ask_ms=tuple(record["ask_ms"]),
            ),
            race,
        )

    def store(self, finish: Finish, version: str) -> None:
        """Write a race, in place of an older one."""
        path = self._path(finish.race)
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {"version": version, **asdict(finish)}
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(record))
        partial.replace(path)

    def _path(self, race: Race) -> Path:
        contest = f"{race.table}-w{race.workers}"
        return self.folder / contest / race.sampler / f"seed-{race.seed:03}.json"


def _shortened(finish: Finish, race: Race) -> Finish:
    """The first trainings of a longer race."""
    size = min(race.budget, len(finish.trained))
    asked = size + finish.repeats[size - 1]
    return replace(
        finish,
        race=race,
        trained=finish.trained[:size],
        finished_s=finish.finished_s[:size],
        repeats=finish.repeats[:size],
        ask_ms=finish.ask_ms[:asked],
    )
