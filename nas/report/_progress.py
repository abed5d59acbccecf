"""How a running search is doing: a live panel on a terminal, a few plain lines in a log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nas.units import human_seconds

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A search at one moment."""

    budget: int
    """Networks to evaluate in all, those of earlier sessions included."""
    finished: int
    running: int = 0
    duplicates: int = 0
    """Asked for again and answered from the record; costs no budget."""
    rejected: int = 0
    """Outside the constraints; never trained, costs no budget."""
    failed: int = 0
    pruned: int = 0
    """Trained on a low rung of a ladder only, so far or for good."""
    best_accuracy: float | None = None
    score: str = "accuracy"
    """What is searched for of trained networks."""
    best: str | None = None
    """The best of it on the front, in words."""
    front_size: int = 0
    hypervolume: float | None = None
    """Share of the box of `HypervolumeBox`, in [0, 1]."""
    elapsed_s: float = 0.0
    """Seconds since this session began."""
    time_limit_s: float | None = None
    """Seconds of this session after which no training begins."""
    workers: int = 0
    dashboard: str | None = None
    """Address of Ray's dashboard, where there is one, and how to log in."""

    @property
    def done(self) -> int:
        """Networks that used up budget: finished, failed and pruned."""
        return self.finished + self.failed + self.pruned

    @property
    def share(self) -> float:
        """Of the budget that is spent, or of the time, whichever ends first; in [0, 1]."""
        spent = self.done / max(self.budget, 1)
        timed = self.elapsed_s / self.time_limit_s if self.time_limit_s else 0.0
        return min(1.0, max(spent, timed))


class Progress:
    """Shows the snapshots it is given, for as long as its `with` block lasts.

    On a terminal a panel is redrawn in place. Elsewhere (a log file, CI) a line is printed at the
    start, at the end, and whenever another tenth of the budget or the time is spent.
    """

    def __init__(self, console: Console | None = None, *, silent: bool = False) -> None:
        """Show on `console`; standard output without one; nothing at all where `silent`."""
        self._console = Console(quiet=True) if silent else console or Console()
        self._live: Live | None = None
        self._first: Snapshot | None = None
        self._last: Snapshot | None = None
        self._printed: Snapshot | None = None

    def __enter__(self) -> Self:
        """Take the screen, if there is one."""
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(console=self._console, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last state standing, and give the screen back."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        elif self._last is not None and self._last != self._printed:
            self._print(self._last)

    def update(self, snapshot: Snapshot) -> None:
        """Show this state from now on."""
        if self._first is None:
            self._first = snapshot
            if self._live is None:
                self._console.print(_where(snapshot), highlight=False, soft_wrap=True)
        self._last = snapshot
        if self._live is not None:
            self._live.update(_panel(snapshot, self._left_s(snapshot)))
        elif self._printed is None or _tenths(snapshot) > _tenths(self._printed):
            self._print(snapshot)

    def _print(self, snapshot: Snapshot) -> None:
        line = _line(snapshot, self._left_s(snapshot))
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        self._printed = snapshot

    def _left_s(self, snapshot: Snapshot) -> float | None:
        """Seconds left at this session's pace; what an earlier session did tells nothing of it."""
        limit_s = snapshot.time_limit_s
        timed_s = None if limit_s is None else max(limit_s - snapshot.elapsed_s, 0.0)
        if self._first is None or snapshot.done <= self._first.done:
            return timed_s
        pace_s = snapshot.elapsed_s / (snapshot.done - self._first.done)
        left_s = pace_s * max(snapshot.budget - snapshot.done, 0)
        return left_s if timed_s is None else min(left_s, timed_s)


def _tenths(snapshot: Snapshot) -> int:
    return int(10 * snapshot.share + 1e-9)


def _where(snapshot: Snapshot) -> str:
    workers = "1 worker" if snapshot.workers == 1 else f"{snapshot.workers} workers"
    return f"{workers}, Ray dashboard {snapshot.dashboard}" if snapshot.dashboard else workers


def _counts(snapshot: Snapshot) -> tuple[tuple[str, int], ...]:
    pruned = (("pruned", snapshot.pruned),) if snapshot.pruned else ()
    return (
        ("finished", snapshot.finished),
        *pruned,
        ("running", snapshot.running),
        ("duplicate", snapshot.duplicates),
        ("rejected", snapshot.rejected),
        ("failed", snapshot.failed),
    )


def _measures(snapshot: Snapshot) -> tuple[tuple[str, str], ...]:
    volume = snapshot.hypervolume
    return (
        (f"best {snapshot.score}", snapshot.best or "-"),
        ("front", str(snapshot.front_size)),
        ("hypervolume", "-" if volume is None else f"{volume:.4f}"),
    )


def _times(snapshot: Snapshot, left_s: float | None) -> tuple[tuple[str, str], ...]:
    left = "-" if left_s is None else human_seconds(left_s)
    return (("elapsed", human_seconds(snapshot.elapsed_s)), ("left", left))


def _line(snapshot: Snapshot, left_s: float | None) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in _counts(snapshot))
    pairs = (*_measures(snapshot), *_times(snapshot, left_s))
    figures = " | ".join(f"{name} {value}" for name, value in pairs)
    return f"[{snapshot.done}/{snapshot.budget}] {counts} | {figures}"


def _panel(snapshot: Snapshot, left_s: float | None) -> Panel:
    counts = [(name, str(count)) for name, count in _counts(snapshot)]
    pairs = [*counts, *_measures(snapshot), *_times(snapshot, left_s)]
    cells = [Text.assemble((f"{name} ", "dim"), (value, "bold")) for name, value in pairs]
    # As many columns as the terminal has room for.
    figures = Columns(cells, equal=True, padding=(0, 2))
    body, where = Group(_bar(snapshot), figures), _where(snapshot)
    return Panel(
        body, title="search", title_align="left", subtitle=where, width=max(80, len(where) + 6)
    )


def _bar(snapshot: Snapshot) -> Table:
    row = Table.grid(padding=(0, 1), expand=True)
    row.add_column(ratio=1)
    row.add_column(justify="right", no_wrap=True)
    bar = ProgressBar(total=1.0, completed=snapshot.share)
    row.add_row(bar, f"{snapshot.done}/{snapshot.budget}")
    return row
