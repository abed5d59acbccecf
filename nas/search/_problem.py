"""What is searched: a space, the data's shape, objectives and limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from nas.cost import cost_of
from nas.errors import IllegalArchitecture

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from nas.arch import Architecture
    from nas.metrics import Limit, Metric
    from nas.space import Gene, Genome, Label, SearchSpace
    from nas.trial import Cost, Deployment


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


class SearchProblem(Protocol):
    """What an engine and its samplers ask of a problem, trained or looked up in a table."""

    @property
    def space(self) -> Genes:
        """What can be chosen."""
        ...

    @property
    def objectives(self) -> tuple[Metric, ...]:
        """What is wanted."""
        ...

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What no network may exceed, or fall below."""
        ...

    def candidate(self, genome: Genome) -> Candidate:
        """Id, exact costs and feasibility."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A genome with what is known of it before training."""

    genome: Genome
    arch: Architecture
    cost: Cost | None
    """None where the network is illegal."""
    reason: str | None
    """Why it must not be trained; None for a feasible network."""
    rule: str | None = None
    """The broken rule's short name, for counting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A space and what is wanted of its networks; everything here is known before training."""

    space: SearchSpace
    input_shape: tuple[int, int, int]
    num_classes: int
    objectives: tuple[Metric, ...]
    limits: tuple[Limit, ...] = ()
    deploy: Deployment = "generated"
    """How a device will have the kernels of rings."""
    predict_us: Callable[[Architecture], int] | None = None
    """Predicts `Cost.latency_us`, where latency is an objective or limited."""
    custom: tuple[Metric, ...] = ()
    """Metrics of the user's own that are objectives or limited, and follow from the network."""

    def candidate(self, genome: Genome) -> Candidate:
        """Decode and cost a genome, and settle whether it may be trained."""
        arch = self.space.decode(genome)
        try:
            cost = cost_of(
                arch,
                input_shape=self.input_shape,
                num_classes=self.num_classes,
                deploy=self.deploy,
            )
            cost = self._with_metrics(arch, cost)
        except IllegalArchitecture as error:
            return Candidate(
                genome=genome, arch=arch, cost=None, reason=str(error), rule=error.rule
            )
        for limit in self.limits:
            if limit.metric.known_before_training:
                reason = limit.complaint(limit.metric.of_cost(cost))
                if reason is not None:
                    rule = f"{limit.name} beyond the limit"
                    return Candidate(genome=genome, arch=arch, cost=cost, reason=reason, rule=rule)
        return Candidate(genome=genome, arch=arch, cost=cost, reason=None)

    def _with_metrics(self, arch: Architecture, cost: Cost) -> Cost:
        """Latency and the metrics of the user's own, where they are asked for."""
        if self.predict_us is not None:
            cost = replace(cost, latency_us=self.predict_us(arch))
        if not self.custom:
            return cost
        values = {
            metric.name: metric.computed(arch, self.input_shape, self.num_classes)
            for metric in self.custom
        }
        return replace(cost, custom=values)

    def violation(self, cost: Cost) -> float:
        """By what factor the limits are exceeded, multiplied up; 1 where all are kept."""
        excess = 1.0
        for limit in self.limits:
            if limit.metric.known_before_training:
                excess *= limit.excess(limit.metric.of_cost(cost))
        return excess


def mutate_one(space: Genes, genome: Genome, rng: random.Random) -> Genome:
    """Change one active gene: half the time to a neighbouring option where options are ordered.

    The genome itself where nothing is left to choose.
    """
    numbers = [one for one in space.active_genes(genome) if len(space.genes[one].labels) > 1]
    if not numbers:
        return genome
    number = rng.choice(numbers)
    gene, now = space.genes[number], genome[number]
    choices = [option for option in range(len(gene.labels)) if option != now]
    if gene.ordered and rng.random() < 0.5:
        choices = [option for option in choices if abs(option - now) == 1]
    return (*genome[:number], rng.choice(choices), *genome[number + 1 :])
