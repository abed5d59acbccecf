"""The front as a table for the terminal, in units people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from nas.report._front import best_row, knee_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.report._front import FrontRow
    from nas.trial import Objective

_ID_WIDTH = 12
_PREFIXES = ("", "k", "M", "G", "T", "P")


def human_count(count: float) -> str:
    """Three significant digits and a decimal prefix: 950, 12.3 k, 1.20 M."""
    step = 0
    # 999.5 would be printed as 1000: it belongs to the next prefix.
    while abs(count) >= (1000 if step == 0 else 999.5) and step < len(_PREFIXES) - 1:
        count, step = count / 1000, step + 1
    if step == 0:
        return f"{count:.0f}"
    decimals = 2 if abs(count) < 9.995 else 1 if abs(count) < 99.95 else 0
    return f"{count:.{decimals}f} {_PREFIXES[step]}"


def human_bytes(count: float) -> str:
    """`human_count` with the unit: 950 B, 12.3 kB, 1.20 MB."""
    number = human_count(count)
    return f"{number}B" if " " in number else f"{number} B"


def human_seconds(seconds: float) -> str:
    """Minutes and seconds, with hours from the first one on: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def add_id_column(table: Table) -> None:
    """A column for architecture ids, never cut: people copy them into `--pick`."""
    table.add_column("id", no_wrap=True, min_width=_ID_WIDTH)


def front_table(rows: Sequence[FrontRow], objectives: Sequence[Objective]) -> Table:
    """The front, one network a line; `best` and `knee` as `nas export --pick` knows them."""
    count = "1 network" if len(rows) == 1 else f"{len(rows)} networks"
    title = f"Pareto front: {count}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("trial", "accuracy", "params", "MACs", "memory"):
        table.add_column(heading, justify="right", no_wrap=True)
    add_id_column(table)
    table.add_column("pick", no_wrap=True)
    table.add_column("network")
    picks = _picks(rows, objectives)
    for index, row in enumerate(rows):
        pick = picks.get(index, "")
        # Cut short on a narrow terminal; front.csv has it whole.
        network = Text(row.description, no_wrap=True, overflow="ellipsis")
        table.add_row(*map(Text, _line(row)), pick, network, style="bold" if pick else "")
    return table


def _picks(rows: Sequence[FrontRow], objectives: Sequence[Objective]) -> dict[int, str]:
    if not rows:
        return {}
    best, compromise = best_row(rows), knee_row(rows, objectives)
    return {best: "best, knee"} if best == compromise else {best: "best", compromise: "knee"}


def _line(row: FrontRow) -> tuple[str, ...]:
    return (
        str(row.trial),
        f"{row.scores.accuracy:.2%}".replace("%", " %"),
        human_count(row.cost.params),
        human_count(row.cost.macs),
        human_bytes(row.cost.peak_activation_bytes),
        row.arch_id,
    )
