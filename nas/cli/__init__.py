"""The command line: argument parsing and printing; every verb is one library call."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from nas.cli import _status

if TYPE_CHECKING:
    from nas.cli._main import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line and exit; Ctrl-C ends it in silence while its verbs are loaded, too."""
    try:
        from nas.cli import _main

        _main.run()
    except KeyboardInterrupt:
        sys.exit(_status.INTERRUPTED)


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(name)
    from nas.cli._main import app

    return app
