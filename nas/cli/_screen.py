"""What verbs print through: text as it stands, a table, or one JSON object."""

from __future__ import annotations

import json
import os
import shlex
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

ENDING = (signal.SIGTERM, signal.SIGHUP)
"""From `docker stop` and schedulers, and from a terminal that is closed."""
PIPE_WIDTH = 160


def make_console(*, soft_wrap: bool = False, silent: bool = False) -> Console:
    """Standard output. Text is printed as it stands: `[relu]` is no colour, `:x:` no picture.

    In a file or pipe, tables are as wide as they need, not 80 columns; a silent one prints none.
    """
    piped = "COLUMNS" not in os.environ and not Console().is_terminal
    return Console(
        width=PIPE_WIDTH if piped else None,
        soft_wrap=soft_wrap,
        quiet=silent,
        markup=False,
        emoji=False,
        highlight=False,
    )


class Screen:
    """Prints for people, or keeps silent where only a program reads."""

    def __init__(self, *, silent: bool = False) -> None:
        """Print nothing but what is asked for by `result` where `silent`."""
        self.silent = silent
        self.console = make_console(silent=silent)

    def line(self, text: str = "") -> None:
        """A line, wrapped by nobody: it can be copied whole."""
        if not self.silent:
            self.console.print(text, soft_wrap=True)

    def show(self, item: RenderableType) -> None:
        """A table or the like."""
        if not self.silent:
            self.console.print(item)

    def result(self, content: Any) -> None:
        """What a silent verb prints: a string as it is, anything else as one JSON object."""
        typer.echo(content if isinstance(content, str) else json.dumps(content))


def command(*words: object) -> str:
    """A command as it can be pasted into a shell."""
    return shlex.join(map(str, words))


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP, as schedulers and closed terminals send, do as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # One that is ignored stays so: that is how `nohup` keeps a search beyond its terminal.
    ends = (one for one in ENDING if signal.getsignal(one) is not signal.SIG_IGN)
    before = {one: signal.signal(one, signal.default_int_handler) for one in ends}
    try:
        yield
    finally:
        for one, handler in before.items():
            # None stands for a handler that Python did not set and cannot put back.
            signal.signal(one, handler or signal.SIG_DFL)
