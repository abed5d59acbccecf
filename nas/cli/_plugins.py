"""`nas check-plugin`: whether a block family from outside does what ours do."""

from __future__ import annotations

from typing import Annotated

import typer

from nas.cli._screen import make_console
from nas.errors import PluginError
from nas.families import load_plugin


def check_plugin(
    plugin: Annotated[
        str, typer.Argument(metavar="FILE|MODULE", help="A block family, as --plugin takes it.")
    ],
) -> None:
    """Check a block family of your own: costs, ids, training, reuse, rings, export and ONNX."""
    console, failed = make_console(), []
    console.print(f"Checking {plugin}.", soft_wrap=True)
    families = load_plugin(plugin)
    from nas.testing import CHECKS, run_checks  # loads torch and the exporters

    for family in families:
        kinds = ", ".join(options.kind for options in family.options)
        console.print(f"family {family.name}: {kinds}", highlight=False, markup=False)
        for result in run_checks(family):
            words = result.name.replace("_", " ")
            verdict = "ok" if result.error is None else f"FAILED: {_reason(result.error)}"
            console.print(f"  {words:<28}{verdict}", highlight=False, markup=False, soft_wrap=True)
            failed += [words] if result.error is not None else []
    if failed:
        raise PluginError(f"{plugin}: {len(failed)} of {len(CHECKS)} checks failed")


def _reason(error: Exception) -> str:
    # pytest's rewriting apart, an assertion's first argument says what was wrong.
    return str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
