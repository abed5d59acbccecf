"""What was seen of a search: results that its study held, trainings, moments of harm.

Results are noted while the search lives, so that what a fault or a repair destroys is missed.
Notes are lines of a file, each one write, so that they outlive whatever dies.
"""

from __future__ import annotations

import base64
import pickle
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nas.trial import Evaluation


@dataclass(frozen=True, slots=True)
class Training:
    """One that came to its end; seconds are those of the clock that all processes share."""

    arch_id: str
    began_s: float
    ended_s: float


@dataclass(frozen=True, slots=True)
class Seen:
    """A result, and when the study was first seen to hold it."""

    at_s: float
    evaluation: Evaluation


@dataclass(slots=True)
class Witness:
    """Of one search, across all processes that drive it or train for it."""

    folder: Path
    harms_s: list[float] = field(default_factory=list)
    """When harm was done: what was in training then may be trained again."""
    spoilt: set[int] = field(default_factory=set)
    """Trials of which the fault itself destroyed what the study held."""

    @property
    def trained(self) -> Path:
        """A line for each training that ended: an id, and when it began and ended."""
        return self.folder / "trained.txt"

    @property
    def repaired(self) -> Path:
        """The same of trainings for weights that were missing: not in vain, so not in there."""
        return self.folder / "repaired.txt"

    @property
    def noted(self) -> Path:
        """A line for each result that was seen."""
        return self.folder / "noted.txt"

    def note(self, found: Iterable[Evaluation]) -> None:
        """The study holds these results now; of each trial the first note counts."""
        known, at_s = self.results(), time.monotonic()
        new = [Seen(at_s, one) for one in found if one.number not in known]
        with self.noted.open("a", buffering=1) as file:
            for one in new:
                file.write(base64.b64encode(pickle.dumps(one)).decode() + "\n")

    def results(self) -> dict[int, Seen]:
        """By trial."""
        lines = self.noted.read_text().splitlines() if self.noted.exists() else []
        seen = [pickle.loads(base64.b64decode(line)) for line in lines]
        return {one.evaluation.number: one for one in reversed(seen)}

    def trainings(self) -> list[Training]:
        """All that have ended so far, in that order."""
        lines = [line.split() for line in self.trained.read_text().splitlines()]
        return [Training(arch_id, float(began), float(ended)) for arch_id, began, ended in lines]

    def lost(self, records: Mapping[int, Evaluation]) -> set[int]:
        """Trials whose result was seen, and is missing or other than it was."""
        seen = self.results().items()
        changed = {number for number, one in seen if records.get(number) != one.evaluation}
        return changed - self.spoilt

    def trained_twice(self) -> int:
        """Trainings of what had been trained, and was not in training at a moment of harm."""
        seen, by_id = self.results(), defaultdict(list)
        spoilt = {seen[number].evaluation.arch.id for number in self.spoilt & seen.keys()}
        for one in self.trainings():
            if one.arch_id not in spoilt:
                by_id[one.arch_id].append(one)
        recorded_s = {one.evaluation.arch.id: one.at_s for one in seen.values()}
        return sum(
            not self._interrupted(before, after, recorded_s.get(arch_id, float("inf")))
            for arch_id, those in by_id.items()
            for before, after in pairwise(sorted(those, key=lambda one: one.began_s))
        )

    def _interrupted(self, before: Training, after: Training, recorded_s: float) -> bool:
        """Whether harm came between the two, with no result recorded yet."""
        return any(
            before.began_s <= harm_s <= after.began_s and harm_s < recorded_s
            for harm_s in self.harms_s
        )
