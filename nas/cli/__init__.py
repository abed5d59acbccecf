"""The command line: argument parsing and printing; every verb is one library call."""

from __future__ import annotations

from nas.cli._main import app, main

__all__ = ["app", "main"]
