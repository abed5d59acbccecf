"""What a sampler promises: it proposes settings by what the ledger knows, and keeps no trials."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nas.search._archive import Archive
    from nas.search._ledger import Entry
    from nas.search._problem import SearchProblem
    from nas.space import Genome


class SpaceExhausted(Exception):
    """No feasible network is left that was not proposed before."""


class Knowledge(Protocol):
    """The side of a `Ledger` that samplers look at."""

    @property
    def archive(self) -> Archive:
        """Networks with scores, estimates from lower rungs included."""
        ...

    @property
    def pending(self) -> Mapping[int, Entry]:
        """Candidates being evaluated, by trial, in order of submission."""
        ...

    def knows(self, arch_id: str) -> bool:
        """Whether this network was evaluated or is being evaluated."""
        ...


class Sampler(ABC):
    """Proposes genomes.

    A proposal follows from the seed, the trial's number and what the ledger knows, and from what
    the sampler noted; so a search that was interrupted goes on as if it had not been. Samplers
    marked `finds_new` propose feasible networks that the ledger does not know, or raise
    SpaceExhausted; the others may repeat themselves and propose what cannot be trained.
    """

    finds_new = True

    def __init__(self, problem: SearchProblem, known: Knowledge, *, seed: int) -> None:
        """Propose for `problem`, given what is `known`."""
        self.problem = problem
        self.known = known
        self.seed = seed

    @abstractmethod
    def propose(self, number: int) -> Genome:
        """The settings of trial `number`. Raises SpaceExhausted."""

    def tell(  # noqa: B027 - most samplers look at the ledger instead
        self, number: int, genome: Genome, values: tuple[float, ...] | None
    ) -> None:
        """Trial `number`, proposed here or not, is settled.

        `values` are the objectives' in their own units; None stands for a trial without a
        result. Duplicates are told too.
        """

    def expect(self, count: int) -> None:  # noqa: B027 - most samplers choose one by one
        """The next `count` proposals are asked for together."""

    def notes(self, number: int) -> Mapping[str, Any]:
        """What the store shall keep with this proposal, ready for JSON."""
        return {}

    def recall(  # noqa: B027 - most samplers note nothing
        self, number: int, genome: Genome, notes: Mapping[str, Any]
    ) -> None:
        """A proposal of an earlier session, in order of numbers, before it is told."""

    def rng(self, number: int) -> random.Random:
        """Random numbers that belong to this proposal."""
        return random.Random(f"{self.seed}:{number}")
