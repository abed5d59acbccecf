"""What a sampler asks of a problem, whether networks are trained or looked up in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from nas.metrics import Metric
    from nas.search._problem import Candidate, Problem
    from nas.space import Gene, Genome, Label


class Genes(Protocol):
    """The settings of a space, as `nas.space.SearchSpace` has them."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """One per open value."""
        ...

    def active_genes(self, genome: Genome) -> tuple[int, ...]:
        """Numbers of the genes that matter in this genome."""
        ...

    def canonical_genome(self, genome: Genome) -> Genome:
        """The genome that stands for all that are known to give the same network."""
        ...

    def random_genome(self, rng: random.Random) -> Genome:
        """Every gene drawn evenly."""
        ...

    def labels(self, genome: Genome) -> dict[str, Label]:
        """Option labels by gene name."""
        ...

    def genome(self, labels: Mapping[str, Label]) -> Genome:
        """The inverse of `labels`."""
        ...


class Searchable(Protocol):
    """A space, and what is known of its networks before they are evaluated."""

    @property
    def space(self) -> Genes:
        """What can be chosen."""
        ...

    @property
    def objectives(self) -> tuple[Metric, ...]:
        """What is wanted."""
        ...

    def candidate(self, genome: Genome) -> Candidate:
        """Id, exact costs and feasibility."""
        ...


def as_problem(searchable: Searchable) -> Problem:
    """For what is typed to take a `Problem` but asks no more of it than `Searchable` offers."""
    return cast("Problem", searchable)
