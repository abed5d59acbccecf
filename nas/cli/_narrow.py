"""A table that stays readable on a narrow terminal: no figure and no name is ever cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

_UNBOUNDED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrowTable:
    """Rows a line each; a block each where the terminal is too narrow, as the front's table."""

    headings: Sequence[str]
    """The first is of the rows' names."""
    rows: Sequence[Sequence[str]]
    numeric: frozenset[str] = frozenset()
    """Headings of columns that are flush right."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The widest form in which everything is whole."""
        lines, unbounded = self._lines(), options.update(max_width=_UNBOUNDED)
        needed = Measurement.get(console, unbounded, lines).maximum
        yield lines if needed <= options.max_width else self._blocks()

    def _lines(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for heading in self.headings:
            justify = "right" if heading in self.numeric else "left"
            table.add_column(heading, justify=justify, no_wrap=True)  # type: ignore[arg-type]
        for row in self.rows:
            table.add_row(*map(Text, row))
        return table

    def _blocks(self) -> Text:
        """A row's name, then a figure a line; what is longer than a line goes on in the next."""
        width = max(map(len, self.headings[1:]))
        lines = [
            words
            for name, *cells in self.rows
            for words in (
                name,
                *(
                    f"  {heading:{width}}  {cell}"
                    for heading, cell in zip(self.headings[1:], cells, strict=True)
                    if cell
                ),
            )
        ]
        return Text("\n".join(lines), overflow="fold")
