"""A table of finished trainings as a search problem: what to choose, what it costs, what it gave.

It answers what `nas.search.Problem` answers, so every sampler runs on it unchanged.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from nas.bench._nasbench201 import (
    EDGES,
    OPERATIONS,
    all_cells,
    canonical_key,
    live_edges,
    load_cells,
    macs_of,
    params_of,
)
from nas.bench._trainings import (
    SEEDS,
    all_networks,
    read_trainings,
    table_problem,
    trainings_path,
)
from nas.errors import DataError
from nas.metrics import METRICS, Limit, Metric
from nas.search import Candidate
from nas.space import Gene
from nas.trial import Cost

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Mapping

    from nas.bench._nasbench201 import Cell
    from nas.bench._trainings import Training
    from nas.search import Genes
    from nas.space import Genome, Label


@dataclass(frozen=True, slots=True)
class TableArch:
    """Stands for a network: all that a search asks of it is its id."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One network of the table."""

    id: str
    cost: Cost
    accuracies: tuple[float, ...]
    """In [0, 1], one per training seed."""
    train_s: float

    def search_accuracy(self, replica: int) -> float:
        """What a search is told: the accuracy of one training seed."""
        return self.accuracies[replica % len(self.accuracies)]

    def test_accuracy(self, replica: int) -> float:
        """The mean of the seeds that the search never sees."""
        told = replica % len(self.accuracies)
        others = [value for seed, value in enumerate(self.accuracies) if seed != told]
        return sum(others) / len(others)


class CellSpace:
    """The genes of a NAS-Bench-201 cell, one per edge."""

    name = "nasbench201"
    is_open = True

    def __init__(self, representatives: Mapping[Genome, Genome]) -> None:
        """`representatives`: for each cell, the one that stands for its function."""
        self._representatives = representatives
        self.genes = tuple(
            Gene(name=f"cell.edge{start}{end}", labels=OPERATIONS, ordered=False)
            for start, end in EDGES
        )

    def active_genes(self, genome: Genome) -> tuple[int, ...]:
        """Edges that carry something; a dead edge can only be revived together with others."""
        return tuple(range(len(genome)))

    def canonical_genome(self, genome: Genome) -> Genome:
        """The cell that stands for all of this function."""
        return self._representatives[genome]

    def random_genome(self, rng: random.Random) -> Genome:
        """Every edge drawn evenly."""
        return tuple(rng.randrange(len(gene.labels)) for gene in self.genes)

    def labels(self, genome: Genome) -> dict[str, Label]:
        """A genome as operations by edge."""
        pairs = zip(self.genes, genome, strict=True)
        return {gene.name: gene.labels[choice] for gene, choice in pairs}

    def genome(self, labels: Mapping[str, Label]) -> Genome:
        """The inverse of `labels`."""
        return tuple(gene.labels.index(labels[gene.name]) for gene in self.genes)


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Networks whose training is over: a problem for a sampler, and its solution."""

    name: str
    space: Genes
    networks: tuple[Row, ...]
    """Every distinct network once."""
    find: Callable[[Genome], Candidate]
    """The network of a genome, canonical or not, and what is known of it before training."""
    objectives: tuple[Metric, ...] = (METRICS["accuracy"], METRICS["params"])
    """Accuracy and costs."""
    limits: tuple[Limit, ...] = ()
    version: str = ""
    """Changes with the rows, where these may change."""

    def candidate(self, genome: Genome) -> Candidate:
        """What is known before training, as `nas.search.Problem.candidate` has it."""
        return self.find(genome)

    def row(self, genome: Genome) -> Row:
        """The network of a genome, canonical or not."""
        return self.network(self.find(genome).arch.id)

    def network(self, arch_id: str) -> Row:
        """The network with this id."""
        return self._by_id[arch_id]

    @cached_property
    def _by_id(self) -> Mapping[str, Row]:
        return {row.id: row for row in self.networks}


def nasbench201(data_set: str) -> Table:
    """NAS-Bench-201's cells on one data set. Raises DataError where the table is missing."""
    return make_cell_table(f"nasbench201-{data_set}", data_set, load_cells(data_set))


def make_cell_table(name: str, data_set: str, cells: Mapping[Genome, Cell]) -> Table:
    """A table of all 15,625 cells, with the costs that they have on `data_set`.

    Cells of one function share one line, that of the first of them, so that it makes no
    difference which spelling is trained.
    """
    classes: defaultdict[str, list[Genome]] = defaultdict(list)
    for cell in all_cells():
        classes[canonical_key(cell)].append(cell)
    # Operation 0 is `none`: the first cell of a function has no dead edge.
    representatives = {cell: members[0] for members in classes.values() for cell in members}
    rows = {first: _row(data_set, first, cells[first]) for first in set(representatives.values())}

    def find(genome: Genome) -> Candidate:
        row = rows[representatives[genome]]
        arch = TableArch(row.id)
        return Candidate(genome=genome, arch=arch, cost=row.cost, reason=None)  # type: ignore[arg-type]

    return Table(
        name=name, space=CellSpace(representatives), networks=tuple(rows.values()), find=find
    )


def lru_vgnet_small() -> Table:
    """Every network of `lru_vgnet_small` on Fashion-MNIST, by accuracy, parameters and MACs.

    Raises DataError where the trainings are missing or a network is not among them.
    """
    return make_trained_table("lru_vgnet_small", read_trainings(trainings_path()))


def make_trained_table(name: str, trainings: Iterable[Training]) -> Table:
    """A table of our own trainings in full, of the networks that were trained with every seed.

    Raises DataError where a network of the space is not among them.
    """
    problem = table_problem()
    by_id: defaultdict[str, list[Training]] = defaultdict(list)
    for training in trainings:
        by_id[training.id].append(training)
    rows = []
    for arch_id, candidate in all_networks().items():
        assert candidate.cost is not None, "only feasible networks are in the table"
        runs = sorted(by_id[arch_id], key=lambda run: run.seed)
        accuracies = tuple(run.accuracies[-1] for run in runs if run.accuracies[-1] is not None)
        if len(accuracies) < len(SEEDS):
            raise DataError(
                f"{name}: network {arch_id} has {len(accuracies)} of {len(SEEDS)} trainings in "
                "full; `python benchmarks/make_table.py` trains what is missing"
            )
        train_s = sum(run.cpu_s[-1] for run in runs) / len(runs)
        rows.append(Row(id=arch_id, cost=candidate.cost, accuracies=accuracies, train_s=train_s))
    trained = [(row.id, row.accuracies, row.train_s) for row in rows]
    return Table(
        name=name,
        space=problem.space,
        networks=tuple(rows),
        find=cache(problem.candidate),
        objectives=problem.objectives,
        version=hashlib.sha256(repr(sorted(trained)).encode()).hexdigest()[:12],
    )


def _row(data_set: str, cell: Genome, measured: Cell) -> Row:
    return Row(
        id="".join(map(str, cell)),
        cost=_cost(data_set, cell),
        accuracies=measured.accuracies,
        train_s=measured.train_s,
    )


def _cost(data_set: str, cell: Genome) -> Cost:
    assert len(live_edges(cell)) == sum(op != 0 for op in cell), "a canonical cell is all alive"
    return Cost(
        params=params_of(data_set, cell),
        ring_params=0,
        # NOTE: neither kernels nor peak memory are in the table, and no objective of it.
        kernel_params=0,
        frozen_params=0,
        macs=macs_of(data_set, cell),
        peak_activation_bytes=0,
    )
