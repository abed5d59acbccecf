"""What the table of `lru_vgnet_small` teaches: rungs, noise, which choices matter, reuse.

    python benchmarks/table_lessons.py

Prints the tables and draws results/lru_vgnet_small_table/lessons.png. Taus and gains are between
different training seeds, so that luck shared by two rungs is not taken for skill.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from moocore import is_nondominated
from rich.console import Console
from rich.table import Table
from scipy.stats import bootstrap, kendalltau, sem

from nas.bench import (
    RUNGS,
    SEEDS,
    all_networks,
    read_trainings,
    table_problem,
    trainings_path,
)

OUT = Path(__file__).parents[1] / "results" / "lru_vgnet_small_table" / "lessons.png"
FULL = len(RUNGS) - 1
LRU = "stages.{}.block.lru"
COSTS = (lambda one: one.params), (lambda one: one.macs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network of the table with all that is known of it."""

    labels: dict[str, object]
    """Of its active genes."""
    params: int
    macs: int
    accuracies: np.ndarray
    """(seeds, rungs)."""
    cpu_s: np.ndarray
    """(seeds, rungs)."""

    @property
    def accuracy(self) -> float:
        """After full training, the mean of the seeds."""
        return float(self.accuracies[:, FULL].mean())


def main() -> None:
    """Print every table and draw the picture."""
    networks = load()
    console = Console(width=100)
    for table in (
        taus(networks),
        importance(networks),
        reuse_gains(networks),
        against_plain(networks),
        fronts(networks),
    ):
        console.print(table)
    full = np.array([one.accuracies[:, FULL] for one in networks])
    noise = np.abs(full[:, 0] - full[:, 1]).mean()
    console.print(
        f"{len(networks)} networks; accuracy after full training {full.min():.3f} to "
        f"{full.max():.3f}; mean difference of two seeds {100 * noise:.1f} points, standard "
        f"deviation over networks {100 * full.mean(axis=1).std():.1f} points"
    )
    draw(networks)


def load() -> list[Network]:
    """Every network of the table."""
    problem = table_problem()
    lines = {(line.id, line.seed): line for line in read_trainings(trainings_path())}
    networks = []
    for arch_id, candidate in all_networks().items():
        labels = problem.space.labels(candidate.genome)
        names = [
            problem.space.genes[one].name for one in problem.space.active_genes(candidate.genome)
        ]
        both = [lines[arch_id, seed] for seed in SEEDS]
        assert candidate.cost is not None, "the table's networks are feasible"
        networks.append(
            Network(
                labels={name: labels[name] for name in names},
                params=candidate.cost.params,
                macs=candidate.cost.macs,
                accuracies=np.array([line.accuracies for line in both], dtype=float),
                cpu_s=np.array([line.cpu_s for line in both]),
            )
        )
    return networks


def taus(networks: list[Network]) -> Table:
    """How every rung, and each cost, ranks networks as another rung with the other seed does."""
    table = Table(
        title="Kendall tau between rungs, seeds crossed; the last columns: full training"
    )
    names = [describe(rung) for rung in range(len(RUNGS))]
    table.add_column("signal")
    for name in (*names, "top quarter", "CPU share"):
        table.add_column(name, justify="right")
    accuracies = np.array([one.accuracies for one in networks])
    cpu_s = np.array([one.cpu_s for one in networks]).sum(axis=(0, 1))
    for rung, name in enumerate(names):
        signal = accuracies[:, :, rung]
        cells = [f"{crossed(signal, accuracies[:, :, other]):.2f}" for other in range(len(RUNGS))]
        top = crossed(signal, accuracies[:, :, FULL], top=True)
        table.add_row(name, *cells, f"{top:.2f}", f"{cpu_s[rung] / cpu_s[FULL]:.2f}")
    for cost in ("params", "macs"):
        signal = np.array([[getattr(one, cost)] * len(SEEDS) for one in networks])
        cells = [f"{crossed(signal, accuracies[:, :, other]):.2f}" for other in range(len(RUNGS))]
        top = crossed(signal, accuracies[:, :, FULL], top=True)
        table.add_row(cost, *cells, f"{top:.2f}", "0")
    return table


def crossed(signal: np.ndarray, target: np.ndarray, *, top: bool = False) -> float:
    """Mean tau of one seed's signal to the other seed's target; (networks, seeds) each."""
    found = []
    for seed in range(len(SEEDS)):
        wanted = target[:, 1 - seed]
        chosen = wanted >= np.quantile(wanted, 0.75) if top else np.ones(len(wanted), dtype=bool)
        found.append(kendalltau(signal[chosen, seed], wanted[chosen]).statistic)
    return float(np.mean(found))


def importance(networks: list[Network]) -> Table:
    """Share of the variance that each choice explains alone, beside that of shuffled labels."""
    table = Table(title="share of variance that a choice explains alone (eta squared)")
    for heading in ("choice", "accuracy", "by chance", "log params", "log MACs"):
        table.add_column(heading, justify="left" if heading == "choice" else "right")
    values = {
        "accuracy": np.array([one.accuracy for one in networks]),
        "params": np.log10([one.params for one in networks]),
        "macs": np.log10([one.macs for one in networks]),
    }
    genes = sorted({name for one in networks for name in one.labels})
    rng = np.random.default_rng(0)
    rows = []
    for gene in genes:
        # Where another choice leaves a gene without a meaning, that is an option of its own.
        options = np.array([str(one.labels.get(gene, "-")) for one in networks])
        chance = np.mean(
            [eta_squared(values["accuracy"], rng.permutation(options)) for _ in range(50)]
        )
        shares = [eta_squared(one, options) for one in values.values()]
        rows.append((gene, shares[0], chance, *shares[1:]))
    for gene, *shares in sorted(rows, key=lambda row: -row[1]):
        table.add_row(gene, *(f"{share:.3f}" for share in shares))
    return table


def eta_squared(values: np.ndarray, options: np.ndarray) -> float:
    """Variance between groups over variance."""
    within = sum(
        ((values[options == one] - values[options == one].mean()) ** 2).sum()
        for one in np.unique(options)
    )
    return float(1 - within / ((values - values.mean()) ** 2).sum())


def reuse_gains(networks: list[Network]) -> Table:
    """Networks that differ in nothing but how often a layer is applied."""
    table = Table(title="applying one layer more often: pairs alike in everything else")
    for heading in ("stage", "N", "pairs", "accuracy, points", "95 %", "params", "MACs"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage in (0, 1):
        for fewer, more in ((1, 4), (4, 8)):
            pairs = reuse_pairs(networks, stage, fewer, more)
            gains = 100 * np.array([b.accuracy - a.accuracy for a, b in pairs])
            interval = bootstrap((gains,), np.mean, random_state=0).confidence_interval
            table.add_row(
                f"{stage + 1}",
                f"{fewer} to {more}",
                str(len(pairs)),
                f"{gains.mean():+.2f}",
                f"{interval.low:+.2f} to {interval.high:+.2f}",
                f"x{np.mean([b.params / a.params for a, b in pairs]):.2f}",
                f"x{np.mean([b.macs / a.macs for a, b in pairs]):.2f}",
            )
    return table


def reuse_pairs(
    networks: list[Network], stage: int, fewer: int, more: int
) -> list[tuple[Network, Network]]:
    """At reuse 1 a shuffle changes nothing: such a network is paired with both kinds."""
    prefix = LRU.format(stage)
    by_rest: dict[int, defaultdict[tuple[object, ...], list[Network]]] = {
        count: defaultdict(list) for count in (fewer, more)
    }
    for one in networks:
        count = one.labels.get(f"{prefix}.reuse")
        if count in by_rest:
            rest = tuple(
                sorted(
                    (name, label)
                    for name, label in one.labels.items()
                    if name != f"{prefix}.reuse"
                    and not (fewer == 1 and name == f"{prefix}.shuffle")
                )
            )
            by_rest[count][rest].append(one)
    return [
        (low, high)
        for rest, lows in by_rest[fewer].items()
        for low in lows
        for high in by_rest[more][rest]
    ]


def against_plain(networks: list[Network]) -> Table:
    """What an idea is worth beside plain networks, wider or narrower, of the same cost.

    Plain are those of standard and separable convolutions alone; how accurate they are at a cost
    is a straight line in its logarithm.
    """
    table = Table(title="points of accuracy over plain networks of equal cost (standard error)")
    for heading in ("networks", "n", "equal parameters", "equal MACs"):
        table.add_column(heading, justify="left" if heading == "networks" else "right")
    plain = [one for one in networks if blocks(one) <= {"conv", "separable"}]
    accuracies = [one.accuracy for one in plain]
    lines = [np.polyfit(np.log10([each(one) for one in plain]), accuracies, 1) for each in COSTS]
    for name, chosen in ideas(networks).items():
        over = [
            100
            * np.array([one.accuracy - np.polyval(line, np.log10(cost(one))) for one in chosen])
            for line, cost in zip(lines, COSTS, strict=True)
        ]
        cells = [f"{gain.mean():+.2f} ({sem(gain):.2f})" for gain in over]
        table.add_row(name, str(len(chosen)), *cells)
    return table


def ideas(networks: list[Network]) -> dict[str, list[Network]]:
    """Networks by what makes them other than plain; reuse in one stage leaves the other at 1."""
    by_name = {
        "plain": [one for one in networks if blocks(one) <= {"conv", "separable"}],
        "half identity, no reuse": [
            one for one in networks if "half_identity" in blocks(one) and counts(one) == (1, 1)
        ],
    }
    for stage, maps in enumerate(("14x14", "7x7")):
        for count in (1, 4, 8):
            name = f"stage {stage + 1} ({maps} maps) is LruNet's, applied {count} times"
            by_name[name] = [
                one
                for one in networks
                if one.labels[f"stages.{stage}.block"] == "lru"
                and (counts(one)[stage], counts(one)[1 - stage]) == (count, 1)
            ]
    by_name["reuse in both"] = [one for one in networks if min(counts(one)) > 1]
    return by_name


def fronts(networks: list[Network]) -> Table:
    """Who is on the front, beside how frequent such networks are."""
    table = Table(title="networks on the front of mean accuracy, and in the whole table")
    for heading in ("kind", "table", "accuracy, params", "accuracy, MACs", "all three"):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    error = [1 - one.accuracy for one in networks]
    params, macs = [one.params for one in networks], [one.macs for one in networks]
    columns = (
        np.ones(len(networks), dtype=bool),
        is_nondominated(np.column_stack([error, params])),
        is_nondominated(np.column_stack([error, macs])),
        is_nondominated(np.column_stack([error, params, macs])),
    )
    kinds = np.array([kind(one) for one in networks])
    for name in sorted(set(kinds)):
        table.add_row(name, *(f"{(kinds[one] == name).mean():.0%}" for one in columns))
    table.add_row("networks", *(str(int(one.sum())) for one in columns))
    return table


def kind(one: Network) -> str:
    """By the layers applied more than once, else by the blocks."""
    if max(counts(one)) > 1:
        return "a layer applied 4 or 8 times"
    return "half identity, no reuse" if "half_identity" in blocks(one) else "neither"


def counts(one: Network) -> tuple[int, int]:
    """How often the layer of each stage is applied."""
    first, second = (int(str(one.labels.get(LRU.format(stage) + ".reuse", 1))) for stage in (0, 1))
    return first, second


def blocks(one: Network) -> set[str]:
    """The kinds of blocks of its stages."""
    return {str(one.labels[f"stages.{stage}.block"]) for stage in (0, 1)}


def draw(networks: list[Network]) -> None:
    """Accuracy against parameters and MACs, by kind."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    colours = {"a layer applied 4 or 8 times": "#c8324a", "half identity, no reuse": "#0b5cad"}
    for axis, cost in zip(axes, ("params", "macs"), strict=True):
        for name in sorted({kind(one) for one in networks}):
            some = [one for one in networks if kind(one) == name]
            axis.scatter(
                [getattr(one, cost) for one in some],
                [100 * one.accuracy for one in some],
                s=12,
                alpha=0.6,
                color=colours.get(name, "#5f6b76"),
                label=name,
                linewidths=0,
            )
        axis.set_xscale("log")
        axis.set_xlabel({"params": "parameters", "macs": "multiply-accumulates"}[cost])
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("validation accuracy, %, mean of two seeds")
    axes[0].legend(frameon=False, loc="lower right")
    figure.savefig(OUT, dpi=110)


def describe(rung: int) -> str:
    """A rung in a few letters."""
    side = f"@{RUNGS[rung].resolution}" if RUNGS[rung].resolution else ""
    return f"{RUNGS[rung].epochs}{side}"


if __name__ == "__main__":
    main()
