"""A library's sentences as the command line says them: `budget` is --budget here."""

from __future__ import annotations

import re
from functools import cache

import typer

_LIMIT = re.compile(r"`limits` ([a-z][a-z0-9_]*)")
_NAME = re.compile(r"`([a-z][a-z0-9_]*)`")


def with_flags(message: str) -> str:
    """A message with the `arguments` it names as the options that set them.

    The library says `budget`, the command line --budget; `limits` of a metric that has an option
    of its own are that option. What no option sets stays as it is.
    """
    flags = _flags()
    named = _LIMIT.sub(
        lambda of: flags.get(f"limit_{of[1]}", f"{flags['limit']} {of[1]}"), message
    )
    return _NAME.sub(lambda name: flags.get(name[1], name[0]), named)


@cache
def _flags() -> dict[str, str]:
    """The options of all verbs, by the names that their arguments have in Python."""
    from nas.cli._main import app  # the verbs translate too, so they are imported before it

    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    flags = {
        str(option.name): str(option.opts[0])
        for verb in verbs.values()
        for option in verb.params
        if option.param_type_name == "option"
    }
    return flags | {"limits": flags["limit"]}
