"""`SearchSpace`: the genes of a model file, and the architectures they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

from nas.errors import IllegalArchitecture
from nas.space._count import SettingCount, count_settings
from nas.space._template import Gene, Genome

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from nas.arch import Architecture
    from nas.space._template import Label, Template


MAX_RECENT = 256
"""Architectures that a space remembers."""


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """A model file with open values; with none open it holds one architecture."""

    name: str
    description: str
    ladder: str | None = None
    """The trainings that come before full training, as `nas search --ladder` has them; None
    leaves it to the search."""
    source: str
    """The file it was read from."""
    text: str
    """The file's text, so that a run keeps the space it searched."""
    genes: tuple[Gene, ...]
    template: Template
    tied: Mapping[str, Template]
    """The tied values, by name."""

    @property
    def is_open(self) -> bool:
        """Whether anything is left to choose."""
        return bool(self.genes)

    @property
    def num_settings(self) -> int:
        """Ways to choose; a gene of a block that is not chosen does not count."""
        return self.setting_count.settings

    @cached_property
    def setting_count(self) -> SettingCount:
        """`num_settings`, and whether that is exact or an upper bound."""
        return count_settings(self.template, self.tied)

    def decode(self, genome: Genome) -> Architecture:
        """The architecture of a genome; whether it can be built shows when its id is asked for."""
        return self._built(genome)[0]

    def active_genes(self, genome: Genome) -> tuple[int, ...]:
        """Numbers of the genes that take part in a genome's architecture."""
        return self._built(genome)[1]

    def canonical_genome(self, genome: Genome) -> Genome:
        """The same setting with every inactive gene at its first option."""
        built = self._built(genome)
        active = set(built[1])
        canonical = tuple(gene if place in active else 0 for place, gene in enumerate(genome))
        self._recent[canonical] = built
        return canonical

    def _built(self, genome: Genome) -> tuple[Architecture, tuple[int, ...]]:
        """The architecture and its active genes; remembered, for one is asked after the other."""
        if genome not in self._recent:
            if len(self._recent) >= MAX_RECENT:
                self._recent.clear()
            active: set[int] = set()
            arch = cast("Architecture", self.template.build(genome, active))
            self._recent[genome] = arch, tuple(sorted(active))
        return self._recent[genome]

    @cached_property
    def _recent(self) -> dict[Genome, tuple[Architecture, tuple[int, ...]]]:
        return {}

    def random_genome(self, rng: random.Random) -> Genome:
        """Every gene drawn evenly; the network may be illegal."""
        return tuple(rng.randrange(len(gene.labels)) for gene in self.genes)

    def random_architecture(self, rng: random.Random, *, tries: int = 10_000) -> Architecture:
        """A legal architecture, by rejection. Raises IllegalArchitecture if `tries` all fail."""
        for _ in range(tries):
            arch = self.decode(self.random_genome(rng))
            if is_legal(arch):
                return arch
        raise IllegalArchitecture(
            f"{self.source}: no legal network in {tries:,} random settings", rule="nothing legal"
        )

    def labels(self, genome: Genome) -> dict[str, Label]:
        """A genome as option labels by gene name, active or not."""
        pairs = zip(self.genes, genome, strict=True)
        return {gene.name: gene.labels[choice] for gene, choice in pairs}

    def genome(self, labels: Mapping[str, Label]) -> Genome:
        """The genome with these labels; the inverse of `labels`."""
        return tuple(_index(gene, labels[gene.name]) for gene in self.genes)


def _index(gene: Gene, label: Label) -> int:
    # `in` and `index` would take True for 1 and 0.5 for nothing else, so types are compared too.
    for number, known in enumerate(gene.labels):
        if known == label and isinstance(known, bool) == isinstance(label, bool):
            return number
    raise KeyError(f"{gene.name} has no option {label!r}")


def is_legal(arch: Architecture) -> bool:
    """Whether the network can be built at all, whatever the image size."""
    try:
        return bool(arch.id)
    except IllegalArchitecture:
        return False
