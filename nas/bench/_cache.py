"""Finished runs on disk, one JSON file each, so that a long comparison can be interrupted."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from nas.bench._run import BenchRun, Trace
from nas.files import drafted

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of runs."""

    folder: Path

    def load(self, run: BenchRun, version: str) -> Trace | None:
        """A run of this version of the engine, over this budget or a longer one."""
        path = self._path(run)
        if not path.exists():
            return None
        record = json.loads(path.read_text())
        stored = BenchRun(**record["run"])
        if record["version"] != version or stored.budget < run.budget:
            return None
        return _shortened(
            Trace(
                run=stored,
                trained=tuple(record["trained"]),
                finished_s=tuple(record["finished_s"]),
                repeats=tuple(record["repeats"]),
                ask_ms=tuple(record["ask_ms"]),
            ),
            run,
        )

    def store(self, trace: Trace, version: str) -> None:
        """Write a run, in place of an older one."""
        path = self._path(trace.run)
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {"version": version, **asdict(trace)}
        with drafted(path) as draft:
            draft.write_text(json.dumps(record), encoding="utf-8")

    def _path(self, run: BenchRun) -> Path:
        contest = f"{run.table}-w{run.workers}"
        return self.folder / contest / run.sampler / f"seed-{run.seed:03}.json"


def _shortened(trace: Trace, run: BenchRun) -> Trace:
    """The first trainings of a longer run."""
    size = min(run.budget, len(trace.trained))
    return replace(
        trace,
        run=run,
        trained=trace.trained[:size],
        finished_s=trace.finished_s[:size],
        repeats=trace.repeats[:size],
        ask_ms=trace.ask_ms[:size],
    )
