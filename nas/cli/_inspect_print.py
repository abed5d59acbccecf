"""An inspection on the terminal: its figures as tables, and what they suggest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from nas.inspect import Inspection, Label, Written

_LITTLE = 3.0
"""Labels this many times as frequent as among random kernels, or less, say little."""


def print_inspection(console: Console, seen: Inspection, written: Written) -> None:
    """Print what was seen, what it suggests, and where the files are."""
    console.print(
        f"{seen.arch.name}, architecture {seen.arch.id}, {seen.weights}; accuracy "
        f"{seen.accuracy:.1%} on {seen.images} validation images".replace("%", " %")
    )
    _print_kernels(console, seen)
    _print_changes(console, seen)
    _print_rings(console, seen)
    _print_suggestions(console, seen, written)
    console.print("")
    for file in written.files:
        console.print(str(file))


def _print_kernels(console: Console, seen: Inspection) -> None:
    from nas.inspect import LABELS, THRESHOLD, chance_shares, kernel_groups

    console.print("")
    if not seen.layers:
        console.print("No depthwise convolutions: there are no kernels to label.")
        return
    table = _table("stage", "depthwise of", "kernels", *LABELS)
    for group in kernel_groups(seen.layers):
        kind = " (fixed)" if group.fixed else ""
        number = f"{group.num_kernels:,}"
        table.add_row(group.section, group.title + kind, number, *_percent(group.shares))
    sizes = sorted({layer.kernels.shape[-1] for layer in seen.layers})
    for size in sizes:
        chance = _percent(chance_shares(size), decimals=1)
        table.add_row(f"random {size}x{size}", "", "", *chance, style="dim")
    console.print(table)
    console.print(f"A label needs a |cosine| of {THRESHOLD} to its prototype.")
    if seen.trained and _little(seen):
        console.print(
            "Hardly more kernels have a label than of random ones: they have not taken shape "
            "(yet); train for longer before reading anything into them."
        )


def _little(seen: Inspection) -> bool:
    from nas.inspect import chance_shares

    learned = [layer for layer in seen.layers if not layer.fixed]
    labelled = sum(label != "other" for layer in learned for label in layer.labels)
    expected = sum(
        (1 - chance_shares(layer.kernels.shape[-1])["other"]) * len(layer.labels)
        for layer in learned
    )
    return bool(learned) and labelled <= _LITTLE * expected


def _print_changes(console: Console, seen: Inspection) -> None:
    from nas.inspect import change_groups

    if not seen.changes:
        return
    table = _table("stage", "maps of", "outputs", "handed on", "near copy", "new", "dead", "CKA")
    for group in change_groups(seen.changes):
        shares = (f"{100 * group.mean(name):.0f} %" for name in ("copied", "near", "new", "dead"))
        cka = f"{group.mean('cka'):.2f}"
        table.add_row(group.section, group.title, str(len(group.changes)), *shares, cka)
    console.print("")
    console.print(table)
    console.print(
        "Of each output's channels, where the resolution stays; CKA of the input and the channels "
        "not handed on."
    )


def _print_rings(console: Console, seen: Inspection) -> None:
    if not seen.rings:
        return
    table = _table("ring", "elements", "weights", "uses of an element", "mean |value|")
    for number, ring in enumerate(seen.rings, start=1):
        low, high = int(ring.uses.min()), int(ring.uses.max())
        table.add_row(
            str(number),
            f"{len(ring.values):,}",
            f"{int(ring.uses.sum()):,}",
            str(low) if low == high else f"{low} to {high}",
            f"{float(ring.values.abs().mean()):.4f}",
        )
    console.print("")
    console.print(table)


def _print_suggestions(console: Console, seen: Inspection, written: Written) -> None:
    console.print("")
    if not seen.trained:
        console.print("The weights are untrained, so they suggest nothing to open in a space.")
        return
    if not written.suggestions:
        console.print("No figure passes a threshold: nothing to open in a space is suggested.")
        return
    console.print("Worth opening in a space (all of it in opened.yaml):")
    for one in written.suggestions:
        console.print(f"\n# {one.because}\n{one.text}", markup=False)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, heading in enumerate(headings):
        words = number == 0 or heading.endswith(" of")
        table.add_column(heading, justify="left" if words else "right", no_wrap=True)
    return table


def _percent(shares: Mapping[Label, float], decimals: int = 0) -> list[str]:
    return [f"{100 * share:.{decimals}f} %" for share in shares.values()]
