"""The verb that looks into one network: `nas inspect`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli._inspect_print import print_inspection
from nas.cli._options import Json, Set
from nas.cli._screen import make_console
from nas.errors import Diverged, OptionError, RunFolderError

if TYPE_CHECKING:
    from rich.console import Console

    from nas.arch import Architecture
    from nas.data import DataOptions, ImageData
    from nas.model import Network
    from nas.trial import Fidelity

_DATA = "fashion_mnist"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What is inspected, before anything is built."""

    arch: Architecture
    weights: bytes | None
    source: str
    """Where weights come from, as errors and titles name it."""
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
    from nas.inspect import check_subject, inspect_network, to_plain, write_inspection
    from nas.trial import Fidelity

    if weights is not None and untrained:
        raise OptionError("--weights and --untrained cannot be combined; choose one")
    workload = _run_subject(model, weights, overrides) or _file_subject(model, weights, overrides)
    workload = replace(workload, out=out or workload.out)
    images = load_data(
        data or workload.data, data_dir=data_dir or workload.data_dir, options=workload.options
    )
    check_subject(workload.arch, images)
    fidelity = Fidelity(epochs=epochs, train_images=train_images, batch_size=32)
    network, words = _build(console, workload, images, None if untrained else fidelity)
    seen = inspect_network(
        workload.arch,
        network,
        images,
        weights=words,
        trained=not untrained,
    )
    written = write_inspection(workload.out, seen)
    print_inspection(console, seen, written)
    if as_json:
        plain = to_plain(seen, written.suggestions)
        typer.echo(json.dumps(plain | {"files": list(map(str, written.files))}))


def _file_subject(model: str, weights: Path | None, overrides: list[str]) -> _Subject:
    from nas.data import DEFAULT_OPTIONS
    from nas.space import load_architecture

    arch = load_architecture(model, overrides)
    return _Subject(
        arch=arch,
        weights=_read(weights) if weights else None,
        source=str(weights),
        data=_DATA,
        data_dir=None,
        options=DEFAULT_OPTIONS,
        out=Path("inspect") / arch.name,
    )


def _run_subject(model: str, weights: Path | None, overrides: list[str]) -> _Subject | None:
    """The network that RUN:ID means; None where `model` is not of that form."""
    match = re.fullmatch(r"(.+):([0-9a-f]{1,12})", model)
    if match is None:
        return None
    from nas.run import open_run

    run, beginning = open_run(Path(match[1])), match[2]
    trained = {one.arch.id: one.arch for one in run.trials() if one.state == "complete"}
    found = [arch for arch_id, arch in trained.items() if arch_id.startswith(beginning)]
    if len(found) != 1:
        what = "several trained networks" if found else "no trained network"
        raise OptionError(
            f"{model}: {what} of this run begin{'' if found else 's'} so; front.csv in "
            f"{match[1]} has the ids of its front"
        )
    if overrides:
        raise OptionError(f"`overrides`: cannot change {model}, which is trained; leave it out")
    file, settings = weights or run.folder.weights(found[0].id), run.settings
    return _Subject(
        arch=found[0],
        weights=_read(file),
        source=str(file),
        data=settings.data,
        data_dir=Path(settings.data_dir) if settings.data_dir else None,
        options=settings.data_options,
        out=run.path / "inspect" / found[0].id,
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RunFolderError(
            f"{file}: weights cannot be read: {error.strerror}; a run keeps those of its front "
            "alone, and --weights names any other file"
        ) from error


def _build(
    console: Console, workload: _Subject, data: ImageData, fidelity: Fidelity | None
) -> tuple[Network, str]:
    """The network, and in words where its weights come from; trained here where `fidelity`."""
    from nas.inspect import build_trained, build_untrained, build_with_weights
    from nas.model import save_weights

    if workload.weights is not None:
        name = Path(workload.source).name
        network = build_with_weights(workload.arch, data, workload.weights, source=workload.source)
        return network, f"weights {name}"
    if fidelity is None:
        return build_untrained(workload.arch, data), "untrained"
    turns = "1 epoch" if fidelity.epochs == 1 else f"{fidelity.epochs} epochs"
    words = f"{turns} over {fidelity.train_images:,} images of {data.name}"
    console.print(
        f"No --weights: training {workload.arch.name} for {words}. Kernels take their shape late; "
        "weights from a full training show more."
    )
    try:
        network = build_trained(workload.arch, data, fidelity)
    except Diverged as error:
        raise OptionError(
            f"{workload.arch.name}: the brief training diverged: {error}; change --epochs, or "
            "bring --weights"
        ) from error
    _keep(workload.out / "weights.safetensors", save_weights(network))
    return network, f"trained for {words}"


def _keep(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise RunFolderError(
            f"{file}: cannot be written: {error.strerror}; free space or name another --out"
        ) from error
