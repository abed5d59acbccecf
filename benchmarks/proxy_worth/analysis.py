"""What the trainings say: rank, bias by size, regret, and what a correction is worth."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from networks import FOLDER, KINDS, draw_networks
from rich.console import Console
from rich.table import Table
from scipy.stats import bootstrap, kendalltau, sem, theilslopes
from training import LONG, SETTINGS, read_trainings

from nas.families.lru.options import LruHead

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray[Any, Any]
THIRDS = 3
"""Bands of parameters within which ranks are compared."""
CHOSEN = 8
"""Networks promoted, for the regret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """The networks trained on every setting with seed 0; N of them, cheapest first."""

    params: Array
    macs: Array
    kinds: Array
    """(N, K) share of stages of each kind of block."""
    accuracy: dict[str, Array]
    """By setting, (N,), in percent of validation images."""
    cpu_s: dict[str, Array]

    def features(self, setting: str) -> Array:
        """(N, F) of what a correction may know: the score, log costs, kinds of blocks."""
        logs = np.log10(np.stack([self.params, self.macs], axis=1))
        score = self.accuracy[setting][:, None]
        return np.hstack([np.ones_like(score), score, logs, logs**2, self.kinds[:, 1:]])


def load_networks(seed: int = 0) -> Networks:
    """From the file; networks that lack a setting are left out."""
    rows = _by_network(seed)
    drawn = [rows.get(arch.id, {}) for arch in draw_networks()]
    whole = [one for one in drawn if len(one) == len(SETTINGS)]
    whole.sort(key=lambda one: one[LONG]["params"])
    counts = [Counter(one[LONG]["blocks"]) for one in whole]
    return Networks(
        params=np.array([one[LONG]["params"] for one in whole]),
        macs=np.array([one[LONG]["macs"] for one in whole]),
        kinds=np.array([[count[kind] / count.total() for kind in KINDS] for count in counts]),
        accuracy={
            name: np.array([100 * one[name]["accuracy"] for one in whole]) for name in SETTINGS
        },
        cpu_s={name: np.array([one[name]["cpu_s"] for one in whole]) for name in SETTINGS},
    )


def _by_network(seed: int) -> dict[str, dict[str, dict[str, Any]]]:
    """Rows of a seed by network and setting."""
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for row in read_trainings():
        if row["seed"] == seed:
            rows.setdefault(row["id"], {})[row["setting"]] = row
    return rows


def relu_pairs() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Rows of the networks with head lru, with a ReLU on the class scores and without."""
    rows = _by_network(0)
    pairs = []
    for arch in draw_networks():
        if isinstance(arch.head, LruHead):
            held = replace(arch, head=replace(arch.head, relu=True))
            pairs.append((rows.get(held.id, {}), rows.get(arch.id, {})))
    return [(one, other) for one, other in pairs if len(one) == len(other) == len(SETTINGS)]


def corrected(networks: Networks, setting: str) -> Array:
    """(N,) long accuracies predicted from a setting, each by a ridge fit to the other networks."""
    features, wanted = networks.features(setting), networks.accuracy[LONG]
    found = np.empty_like(wanted)
    for left_out in range(len(wanted)):
        others = np.arange(len(wanted)) != left_out
        known, mean = features[others], wanted[others].mean()
        centre, spread = known.mean(axis=0), known.std(axis=0) + 1e-9
        scaled = (known - centre) / spread
        penalty = np.eye(scaled.shape[1])
        weights = np.linalg.solve(scaled.T @ scaled + penalty, scaled.T @ (wanted[others] - mean))
        found[left_out] = mean + (features[left_out] - centre) / spread @ weights
    return found


def tau(one: Array, other: Array) -> float:
    """Kendall's tau-b."""
    return float(kendalltau(one, other).statistic)


def tau_within_bands(one: Array, other: Array) -> list[float]:
    """Tau in each third of the networks, which are sorted by parameters."""
    parts = np.array_split(np.arange(len(one)), THIRDS)
    return [tau(one[part], other[part]) for part in parts]


def size_bias(score: Array, networks: Networks) -> float:
    """Points of long accuracy by which a decade of parameters is underrated at equal score.

    Slope (Theil-Sen) over log10 parameters of what is left of the long accuracy after a straight
    line in the score.
    """
    long = networks.accuracy[LONG]
    left = long - np.polyval(np.polyfit(score, long, 1), score)
    return float(theilslopes(left, np.log10(networks.params)).slope)


def regret(score: Array, networks: Networks) -> float:
    """Points that the best of the CHOSEN best by score lies below the best of all, by band."""
    lost = []
    long = networks.accuracy[LONG]
    for part in np.array_split(np.arange(len(long)), THIRDS):
        count = max(1, CHOSEN * len(part) // len(long))
        chosen = part[np.argsort(-score[part])[:count]]
        lost.append(long[part].max() - long[chosen].max())
    return float(np.mean(lost))


def print_tables() -> None:
    """Every setting against the long training, as it is and corrected."""
    networks, console = load_networks(), Console(width=118)
    count = len(networks.params)
    console.print(
        f"{count} networks, {networks.params.min():,} to {networks.params.max():,} parameters; "
        f"long training: {LONG}, {networks.accuracy[LONG].min():.1f} to "
        f"{networks.accuracy[LONG].max():.1f} % of 5,000 validation images"
    )
    console.print(_noise())
    costs = {"parameters": networks.params, "multiply-accumulates": networks.macs}
    table = _table("Rank of the long training, from")
    for name, values in costs.items():
        _add(table, name, np.log10(values), networks, 0.0)
    for name in list(SETTINGS)[:-1]:
        _add(table, name, networks.accuracy[name], networks, networks.cpu_s[name].mean())
    console.print(table)
    table = _table("The same, corrected by parameters, multiply-accumulates and kinds of blocks")
    for name in list(SETTINGS)[:-1]:
        _add(table, name, corrected(networks, name), networks, networks.cpu_s[name].mean())
    console.print(table)
    console.print(_relu_table())
    _draw(networks)


def _relu_table() -> Table:
    pairs = relu_pairs()
    table = Table(
        title=f"A ReLU on the scores of head lru, {len(pairs)} networks", title_justify="left"
    )
    table.add_column("setting")
    for heading in ("points lost", "standard error", "the most", "tau with it", "tau without"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name in SETTINGS if len(pairs) > 1 else ():
        held, free = (_accuracies(pairs, side, name) for side in (0, 1))
        lost = free - held
        table.add_row(
            name,
            f"{lost.mean():.1f}",
            f"{sem(lost):.1f}",
            f"{lost.max():.1f}",
            *(
                f"{tau(score, _accuracies(pairs, side, LONG)):.2f}"
                for side, score in enumerate((held, free))
            ),
        )
    return table


def _accuracies(pairs: list[tuple[dict[str, Any], dict[str, Any]]], side: int, name: str) -> Array:
    return np.array([100 * pair[side][name]["accuracy"] for pair in pairs])


def _noise() -> str:
    """How far two seeds of the long training are apart."""
    accuracy: dict[str, dict[int, float]] = {}
    for row in read_trainings():
        if row["setting"] == LONG:
            accuracy.setdefault(row["id"], {})[row["seed"]] = 100 * row["accuracy"]
    pairs = np.array([(one[0], one[1]) for one in accuracy.values() if len(one) > 1])
    if len(pairs) < THIRDS:
        return "two seeds of the long training: too few networks yet"
    apart = (pairs[:, 0] - pairs[:, 1]).std() / np.sqrt(2)
    return (
        f"two seeds of the long training, {len(pairs)} networks: tau "
        f"{tau(pairs[:, 0], pairs[:, 1]):.2f}, standard deviation of a seed {apart:.2f} points"
    )


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("setting")
    for heading in ("CPU s", "tau (95 %)", "small", "middle", "large", "bias / decade", "regret"):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _add(table: Table, name: str, score: Array, networks: Networks, cpu_s: float) -> None:
    long = networks.accuracy[LONG]
    low, high = _interval(tau, score, long)
    table.add_row(
        name,
        f"{cpu_s:.0f}",
        f"{tau(score, long):.2f} ({low:.2f}-{high:.2f})",
        *(f"{value:.2f}" for value in tau_within_bands(score, long)),
        f"{size_bias(score, networks):+.2f}",
        f"{regret(score, networks):.2f}",
    )


def _interval(
    statistic: Callable[[Array, Array], float], one: Array, other: Array
) -> tuple[float, float]:
    found = bootstrap(
        (one, other),
        statistic,
        paired=True,
        vectorized=False,
        n_resamples=500,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


def _draw(networks: Networks) -> None:
    """Every setting against the long training, coloured by parameters."""
    names = list(SETTINGS)[:-1]
    figure = Figure(figsize=(3.2 * len(names), 3.6), layout="constrained")
    axes = figure.subplots(1, len(names), sharey=True)
    for axis, name in zip(axes, names, strict=True):
        points = axis.scatter(
            networks.accuracy[name],
            networks.accuracy[LONG],
            c=np.log10(networks.params),
            cmap="viridis",
            s=16,
        )
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("accuracy, %")
    axes[0].set_ylabel(f"{LONG}: accuracy, %")
    figure.colorbar(points, ax=axes, label="log10 parameters")
    figure.savefig(FOLDER / "proxy_worth.png", dpi=110)
