"""The verb that looks into one network: `nas inspect`."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli._inspect_print import print_inspection
from nas.cli._networks import find_member
from nas.cli._options import Json, Set
from nas.cli._screen import make_console
from nas.errors import OptionError

if TYPE_CHECKING:
    from nas.arch import Architecture
    from nas.data import DataOptions

_DATA = "fashion_mnist"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """What is inspected, before anything is built."""

    arch: Architecture
    weights: Path | None
    """None where there are none yet."""
    data: str
    data_dir: Path | None
    options: DataOptions
    out: Path


def inspect(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A network's model file, by name or path, or RUN:ID for a network of a run.",
        ),
    ],
    weights: Annotated[
        Path | None,
        typer.Option(help="Its weights (safetensors); trained briefly if left out."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="As for `nas search`; a run's own if left out.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where the data set's files are.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Of the brief training.")] = 4,
    train_images: Annotated[
        int, typer.Option(min=1, help="Images of the brief training.")
    ] = 6_000,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Look at freshly drawn weights.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for pictures and figures.")] = None,
    overrides: Set = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Draw a network's depthwise kernels, feature maps and rings, and say what to open."""
    console = make_console(soft_wrap=True, silent=as_json)
    console.print(f"Reading {model}.")
    from nas.data import load_data  # loads torch
    from nas.inspect import look_into, to_plain, write_inspection
    from nas.trial import Fidelity

    if weights is not None and untrained:
        raise OptionError("--weights and --untrained cannot be combined; choose one")
    target = _run_target(model, weights, overrides) or _file_target(model, weights, overrides)
    target = replace(target, out=out or target.out)
    images = load_data(
        data or target.data, data_dir=data_dir or target.data_dir, options=target.options
    )
    fidelity = Fidelity(epochs=epochs, train_images=train_images, batch_size=32)
    seen = look_into(
        target.arch,
        images,
        weights=None if untrained else target.weights,
        training=None if untrained else fidelity,
        keep_in=target.out,
        tell=console.print,
    )
    written = write_inspection(target.out, seen)
    print_inspection(console, seen, written)
    if as_json:
        plain = to_plain(seen, written.suggestions)
        typer.echo(json.dumps(plain | {"files": list(map(str, written.files))}))


def _file_target(model: str, weights: Path | None, overrides: list[str]) -> _Target:
    from nas.data import DEFAULT_OPTIONS
    from nas.space import load_architecture

    arch = load_architecture(model, overrides)
    return _Target(
        arch=arch,
        weights=weights,
        data=_DATA,
        data_dir=None,
        options=DEFAULT_OPTIONS,
        out=Path("inspect") / arch.name,
    )


def _run_target(model: str, weights: Path | None, overrides: list[str]) -> _Target | None:
    """The network that RUN:ID means; None where `model` is not of that form."""
    member = find_member(model, overrides)
    if member is None:
        return None
    arch, run = member
    settings = run.settings
    return _Target(
        arch=arch,
        weights=weights or run.folder.weights(arch.id),
        data=settings.data,
        data_dir=Path(settings.data_dir) if settings.data_dir else None,
        options=settings.data_options,
        out=run.path / "inspect" / arch.id,
    )
