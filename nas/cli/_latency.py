"""The verb `nas latency`: how long a network takes, measured as it would be deployed."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from nas.cli._networks import (
    DEFAULT_IMAGES,
    NETWORK_HELP,
    Classes,
    InputShape,
    find_shaped_network,
)
from nas.cli._options import Set, parse_shape
from nas.cost import cost_of
from nas.errors import OptionError
from nas.latency import DEVICES, Workload
from nas.space import load_space
from nas.units import human_share

if TYPE_CHECKING:
    from nas.cli._screen import Screen
    from nas.latency import DeviceKind, Latency
    from nas.run import Run
    from nas.space import SearchSpace


def latency(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help=NETWORK_HELP),
    ] = None,
    calibrate: Annotated[
        str | None,
        typer.Option(metavar="SPACE", help="Learn to predict the networks of a space instead."),
    ] = None,
    networks: Annotated[
        int, typer.Option(help="Networks of the space to measure, with --calibrate.")
    ] = 50,
    parts: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Blocks to measure one by one, with --calibrate; 2,000 if left out.",
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="cpu (ONNX Runtime, one thread) or cuda (torch, CUDA graph).")
    ] = "cpu",
    input_shape: InputShape = None,
    classes: Classes = None,
    overrides: Set = [],  # noqa: B006 - typer copies it
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Measure though it was measured before.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Measure a network's latency for one image, or learn to predict a whole space's."""
    if (model is None) == (calibrate is None):
        raise OptionError("latency: give either a MODEL to measure or --calibrate SPACE")
    if calibrate is not None and fresh:
        raise OptionError(
            "--fresh and --calibrate cannot be combined; what is known but noisy is measured "
            "again anyway"
        )
    if calibrate is not None:
        shape = parse_shape(input_shape or DEFAULT_IMAGES[0])
        space = load_space(calibrate, overrides)
        number = classes or DEFAULT_IMAGES[1]
        _calibrate(space, parse_device(device), shape, number, networks, parts, as_json)
        return
    workload = _workload(cast("str", model), overrides, input_shape, classes)
    arch = workload.arch
    if not as_json:
        typer.echo(f"Measuring {arch.name}.")
    from nas.latency import LatencyMeter  # loads torch

    found = LatencyMeter(parse_device(device)).measure(workload, fresh=fresh)
    if as_json:
        typer.echo(json.dumps({"name": arch.name, "id": arch.id} | asdict(found)))
    else:
        _print(workload, found)


def _workload(
    model: str, overrides: list[str], input_shape: str | None, classes: int | None
) -> Workload:
    """What is measured. Raises what `nas cost` raises of it."""
    found = find_shaped_network(
        model, overrides, input_shape=input_shape, classes=classes, default=DEFAULT_IMAGES
    )
    cost_of(found.arch, input_shape=found.input_shape, num_classes=found.num_classes)
    return Workload(arch=found.arch, input_shape=found.input_shape, num_classes=found.num_classes)


def _calibrate(
    space: SearchSpace,
    device: DeviceKind,
    shape: tuple[int, int, int],
    classes: int,
    networks: int,
    parts: int | None,
    as_json: bool,
) -> None:
    if not space.is_open:
        raise OptionError(f"--calibrate {space.name}: nothing is open there; measure it instead")
    if not as_json:
        typer.echo(f"Measuring parts and {networks} networks of {space.name}.")
    from nas.latency import LatencyMeter, calibrate  # loads torch

    meter = LatencyMeter(device)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bars = {what: progress.add_task(what, total=None) for what in ("parts", "networks")}
        made = calibrate(
            space,
            meter,
            input_shape=shape,
            num_classes=classes,
            networks=networks,
            parts=parts,
            on_progress=lambda what, done, total: progress.update(
                bars[what], completed=done, total=total
            ),
        )
    if as_json:
        typer.echo(json.dumps({"space": space.name} | asdict(made.error)))
        return
    console, error = Console(markup=False, emoji=False, highlight=False), made.error
    console.print(
        f"{space.name}, one {'x'.join(map(str, shape))} image, {classes} classes: predictions "
        f"within 10 % for {error.good_share:.0%} of {error.networks} networks, median error "
        f"{error.median:.1%}, 95th percentile {error.p95:.1%}",
        soft_wrap=True,
    )
    console.print("by leaving each network out in turn; kept for `nas search`")
    console.print(f"{meter.cache.runtime}, one thread, {meter.cache.device}", soft_wrap=True)


def parse_device(name: str) -> DeviceKind:
    """The device of that name. Raises OptionError."""
    if name not in DEVICES:
        raise OptionError(f"--device {name}: unknown device (known: {', '.join(DEVICES)})")
    return name


def _print(workload: Workload, found: Latency) -> None:
    console = Console(markup=False, emoji=False)
    shape = "x".join(map(str, workload.input_shape))
    console.print(
        f"{workload.arch.name}, architecture {workload.arch.id}, one {shape} image, "
        f"{workload.num_classes} classes"
    )
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_column()
    table.add_row("latency_ms", f"{found.latency_ms:.3f}", f"median of {_rounds(found)}")
    table.add_row(
        "ratio",
        f"{found.ratio:.3f}",
        f"to the reference network's {found.reference_ms:.3f} ms; 95 % interval "
        f"{found.ratio_low:.3f} to {found.ratio_high:.3f}, {found.spread:.1%} wide",
    )
    console.print(table)
    console.print(f"{found.runtime}, one thread, {found.device}", highlight=False)
    if found.noisy:
        console.print(
            f"noisy: the measuring thread had its core {found.core_share:.0%} of the time and the "
            "ratio did not settle; measure again when the machine is quiet",
            highlight=False,
        )


def _rounds(found: Latency) -> str:
    plural = "" if found.rounds == 1 else "s"
    rejected = f", {found.rejected} more rejected" if found.rejected else ""
    return f"{found.rounds} round{plural}{rejected}"


def print_front_latencies(screen: Screen, run: Run) -> None:
    """What was predicted for a run's front and what was measured; nothing where nothing was."""
    from nas.report import add_id_column
    from nas.run import front_latencies

    rows = front_latencies(run)
    if not rows:
        return
    table = Table(title="Latency of the front, one image", title_justify="left", box=SIMPLE_HEAD)
    add_id_column(table)
    for heading in ("accuracy", "predicted ms", "measured ms", "ratio", "spread"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        found = row.measured
        table.add_row(
            row.arch_id,
            human_share(row.accuracy),
            f"{row.predicted_ms:.3f}",
            f"{found.latency_ms:.3f}",
            f"{found.ratio:.2f}",
            f"{found.spread:.1%}" + " noisy" * found.noisy,
        )
    screen.show(table)
    device = rows[0].measured
    screen.line(f"{device.runtime}, one thread, {device.device}")
