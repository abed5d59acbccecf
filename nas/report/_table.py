"""The front as a table for the terminal, in units people read; no figure is ever cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from nas.report._front import best_row, knee_row
from nas.units import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

    from nas.metrics import Metric
    from nas.report._front import FrontRow

_ID_WIDTH = 12
_UNBOUNDED = 10_000
_LEAST_NETWORK = 12
"""Columns below which a network's description says too little."""


def add_id_column(table: Table) -> None:
    """A column for architecture ids, never cut: people copy them into commands."""
    table.add_column("id", no_wrap=True, min_width=_ID_WIDTH)


@dataclass(frozen=True, slots=True)
class FrontTable:
    """The front: one network a line, or a few lines where the terminal is too narrow."""

    rows: Sequence[FrontRow]
    objectives: Sequence[Metric]
    proxies: bool = False
    """Whether a final front stands beside this one, whose picks an export takes."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The widest form in which every figure is whole."""
        unbounded = options.update(max_width=_UNBOUNDED)
        needed = Measurement.get(console, unbounded, self._lines(networks=False)).maximum
        if needed <= options.max_width:
            yield self._lines(networks=needed + _LEAST_NETWORK <= options.max_width)
        else:
            yield self._blocks()

    @property
    def _title(self) -> str:
        count = counted(len(self.rows), "network")
        return f"Pareto front{' of the proxies' * self.proxies}: {count}"

    @property
    def _picks(self) -> dict[int, str]:
        """Names of rows by index."""
        if not self.rows:
            return {}
        best = best_row(self.rows, self.objectives)
        compromise = knee_row(self.rows, self.objectives)
        named = {best: "best, knee"} if best == compromise else {best: "best", compromise: "knee"}
        return {row: f"proxy {words}" * self.proxies or words for row, words in named.items()}

    def _lines(self, *, networks: bool) -> Table:
        table = Table(
            title=self._title,
            title_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
            collapse_padding=True,
        )
        for heading in ("trial", *(one.title for one in self.objectives)):
            table.add_column(heading, justify="right", no_wrap=True)
        add_id_column(table)
        table.add_column("pick", no_wrap=True)
        if networks:
            # Cut short on a narrow terminal; front.csv has it whole.
            table.add_column("network")
        picks = self._picks
        for index, row in enumerate(self.rows):
            cells = [str(row.trial), *_figures(row, self.objectives), row.arch_id]
            network = [Text(row.description, no_wrap=True, overflow="ellipsis")] * networks
            style = "bold" if index in picks else ""
            table.add_row(*map(Text, cells), picks.get(index, ""), *network, style=style)
        return table

    def _blocks(self) -> Table:
        """One network a block: its id, then a figure a line."""
        table = Table(title=self._title, title_justify="left", box=None, show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right")
        picks = self._picks
        for index, row in enumerate(self.rows):
            table.add_row(Text(f"trial {row.trial}"), Text(row.arch_id), style="bold")
            if index in picks:
                table.add_row(Text("  pick"), Text(picks[index]))
            figures = _figures(row, self.objectives)
            for metric, figure in zip(self.objectives, figures, strict=True):
                table.add_row(Text(f"  {metric.title}"), Text(figure))
        return table


def front_table(
    rows: Sequence[FrontRow], objectives: Sequence[Metric], *, proxies: bool = False
) -> FrontTable:
    """The front by its objectives; `best` and `knee` as `nas export --pick` knows them.

    `proxies` says so of each, where a final front has picks of its own.
    """
    return FrontTable(rows, objectives, proxies)


def _figures(row: FrontRow, objectives: Sequence[Metric]) -> list[str]:
    return [one.text(one.value(row.cost, row.scores)) for one in objectives]
