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
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nas.trial import Evaluation

ON_ITS_WAY_S = 5.0
"""A result that was finished for longer, and is in no study, was held back."""


@dataclass(frozen=True, slots=True)
class Training:
    """One that came to its end; seconds are those of the clock that all processes share."""

    arch_id: str
    began_s: float
    ended_s: float
    worker: int
    """Its process."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Two trainings of one network in turn."""

    before: Training
    harms_s: tuple[float, ...]
    """When harm was done between that explains the second; none where the study held the result
    of the first."""

    @property
    def was_finished(self) -> bool:
        """Whether the first had ended when harm was done: its result was dropped."""
        return bool(self.harms_s) and self.before.ended_s <= min(self.harms_s)


@dataclass(frozen=True, slots=True)
class Seen:
    """A result, and when the study was first seen to hold it."""

    at_s: float
    evaluation: Evaluation


@dataclass(slots=True)
class Witness:
    """Of one search, across all processes that drive it or train for it."""

    folder: Path
    spoilt: set[int] = field(default_factory=set)
    """Trials of which the fault itself destroyed what the study held."""

    @property
    def trained(self) -> Path:
        """A line for each training that ended: an id, when it began and ended, its process."""
        return self.folder / "trained.txt"

    @property
    def begun(self) -> Path:
        """A line for each training that began: its process, and when."""
        return self.folder / "begun.txt"

    @property
    def harmed(self) -> Path:
        """A line for each harm: what was in training then may be trained again."""
        return self.folder / "harmed.txt"

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

    def harm(self, at_s: float) -> None:
        """Harm was done then."""
        with self.harmed.open("a", buffering=1) as file:
            file.write(f"{at_s}\n")

    def results(self) -> dict[int, Seen]:
        """By trial."""
        seen = [pickle.loads(base64.b64decode(word)) for (word,) in _rows(self.noted)]
        return {one.evaluation.number: one for one in reversed(seen)}

    def trainings(self) -> list[Training]:
        """All that have ended so far, in that order."""
        return [
            Training(arch_id, float(began), float(ended), int(worker))
            for arch_id, began, ended, worker in _rows(self.trained)
        ]

    def lost(self, records: Mapping[int, Evaluation]) -> set[int]:
        """Trials whose result was seen, and is missing or other than it was."""
        seen = self.results().items()
        changed = {number for number, one in seen if records.get(number) != one.evaluation}
        return changed - self.spoilt

    def trained_twice(self) -> int:
        """Trainings of what had been trained, with no harm between that explains them."""
        begun_s = self._begun_s()
        return sum(
            not any(_may_be_gone(one.before, at_s, begun_s) for at_s in one.harms_s)
            for one in self._repeats()
        )

    def dropped(self) -> int:
        """Trainings of what had been trained to its end, but not recorded, when harm was done."""
        return sum(one.was_finished for one in self._repeats())

    def _repeats(self) -> Iterator[Repeat]:
        """Every training that was not a network's last one; what the fault spoilt is left out."""
        seen, by_id = self.results(), defaultdict(list)
        spoilt = {seen[number].evaluation.arch.id for number in self.spoilt & seen.keys()}
        for one in self.trainings():
            if one.arch_id not in spoilt:
                by_id[one.arch_id].append(one)
        recorded_s = {one.evaluation.arch.id: one.at_s for one in seen.values()}
        harms_s = [float(at_s) for (at_s,) in _rows(self.harmed)]
        for arch_id, those in by_id.items():
            for before, after in pairwise(sorted(those, key=lambda one: one.began_s)):
                is_known = recorded_s.get(arch_id, inf) <= after.began_s
                between = (at_s for at_s in harms_s if before.began_s <= at_s <= after.began_s)
                yield Repeat(before, () if is_known else tuple(between))

    def _begun_s(self) -> dict[int, list[float]]:
        """When trainings began, by worker."""
        begun_s = defaultdict(list)
        for worker, at_s in _rows(self.begun):
            begun_s[int(worker)].append(float(at_s))
        return begun_s


def _may_be_gone(training: Training, harm_s: float, begun_s: Mapping[int, list[float]]) -> bool:
    """Whether it was going on when harm was done, or its result was on its way to the study.

    Of each worker that is one result at most: the driver gives it another network once it has
    written down what came of the last one.
    """
    later = (at_s for at_s in begun_s.get(training.worker, ()) if at_s > training.ended_s)
    handed_over = any(at_s <= harm_s for at_s in later)
    return harm_s - training.ended_s <= (0.0 if handed_over else ON_ITS_WAY_S)


def _rows(path: Path) -> list[list[str]]:
    """The words of each line; none without the file."""
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []
