"""Verbs about model files: `nas spaces`, `nas show`, `nas cost`."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from nas.arch import image_channels, summarize
from nas.cli._networks import (
    DEFAULT_IMAGES,
    NETWORK_HELP,
    Classes,
    InputShape,
    find_shaped_network,
    find_space,
    shown_shape,
)
from nas.cli._options import Deploy, Json, Set, parse_deploy
from nas.cli._screen import Screen
from nas.cost import cost_of, output_shapes, working_memory
from nas.drawing import write_drawing
from nas.errors import OptionError
from nas.metrics import METRICS
from nas.space import (
    catalogue,
    estimate_size,
    illegal_choices,
    load_space,
)
from nas.units import human_bytes, human_large

if TYPE_CHECKING:
    from nas.arch import Architecture
    from nas.cli._networks import ShapedNetwork
    from nas.cost import WorkingMemory
    from nas.space import SearchSpace, Size
    from nas.trial import Cost


def spaces(as_json: Json = False) -> None:
    """List the model files that come with nas: spaces to search, and networks."""
    console = _console()
    if as_json:
        Screen().result([_summary(load_space(name)) | {"name": name} for name in catalogue()])
        return
    table = Table("name", "kind", "settings", "description", box=None, pad_edge=False)
    for name in catalogue():
        space = load_space(name)
        kind = "space" if space.is_open else "network"
        settings = human_large(space.num_settings) if space.is_open else ""
        table.add_row(name, kind, settings, space.description)
    console.print(table)
    console.print(
        "\n`nas show NAME` tells more; a path to a YAML file works wherever a name does."
    )


def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A model file, by name or path, or RUN:ID for a run's network."
        ),
    ],
    overrides: Set = [],  # noqa: B006 - typer copies it
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the network into this file.")
    ] = None,
    input_shape: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="CxHxW",
            help="Shape of one image; a run's own, or 32x32 with the network's channels, if left "
            "out. The table needs the channels alone.",
        ),
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option(min=1, help="Number of classes; a run's own, or 10, if left out."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print what a model file opens and how large that space is, or what a network is made of."""
    space = find_space(name, overrides)
    subject = partial(
        find_shaped_network,
        name,
        overrides,
        input_shape=input_shape,
        classes=classes,
        default=_default_images(space),
    )
    console = _console()
    if svg is not None:
        drawn = _draw_network(subject(), svg)
        if not as_json:
            console.print(drawn, soft_wrap=True)
    if as_json:
        Screen().result(_described(space) | ({} if svg is None else {"drawing": str(svg)}))
    elif svg is None:
        _show_space(console, space) if space.is_open else _show_network(console, subject())


def cost(
    name: Annotated[str, typer.Argument(metavar="NAME", help=NETWORK_HELP)],
    input_shape: InputShape = None,
    classes: Classes = None,
    overrides: Set = [],  # noqa: B006 - typer copies it
    deploy: Deploy = "generated",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
    modules: Annotated[
        bool, typer.Option("--modules", help="Add a table by module, counted by fvcore.")
    ] = False,
) -> None:
    """Print a network's exact costs: parameters, multiply-accumulates, peak memory."""
    found = find_shaped_network(
        name, overrides, input_shape=input_shape, classes=classes, default=DEFAULT_IMAGES
    )
    arch, shape, number = found.arch, found.input_shape, found.num_classes
    exact = cost_of(arch, input_shape=shape, num_classes=number, deploy=parse_deploy(deploy))
    memory = working_memory(arch, input_shape=shape, num_classes=number)
    if as_json:
        if modules:
            raise OptionError("--json and --modules cannot be combined; choose one")
        typer.echo(
            json.dumps(
                {"name": arch.name, "id": arch.id}
                | _known(exact)
                | {"deploy": exact.deploy}
                | _in_bytes(exact)
                | asdict(memory)
            )
        )
        return
    console = _console()
    made = _outputs(arch, shape, number)
    console.print(f"{arch.name}, architecture {arch.id}, {shown_shape(shape)} images, {made}")
    console.print(_cost_table(exact, memory))
    if modules:
        _print_modules(console, arch, shape, number)


def _outputs(arch: Architecture, shape: tuple[int, int, int], classes: int) -> str:
    """What comes out, in words: several heads say themselves how much."""
    if not arch.head.outputs:
        return f"{classes} classes"
    made = output_shapes(arch, input_shape=shape, num_classes=classes)
    several = [f"{name} {'x'.join(map(str, _sides(one)))}" for name, one in made]
    return f"outputs {', '.join(several)} (of the heads, not --classes)"


def _sides(shape: tuple[int, int, int]) -> tuple[int, ...]:
    return shape if shape[1:] != (1, 1) else shape[:1]


def _known(cost: Cost) -> dict[str, int]:
    """The costs that are exact: not what only a search predicts."""
    return {name: value for name, value in asdict(cost).items() if isinstance(value, int)}


def _console() -> Console:
    """Prints what model files say as it stands: `[relu]` is no colour, `:x:` no picture."""
    return Console(markup=False, emoji=False)


def _show_space(console: Console, space: SearchSpace) -> None:
    console.print(f"{space.name}: {space.description}" if space.description else space.name)
    console.print(f"from {space.source}\n", highlight=False)
    table = Table("open value", "options", box=None, pad_edge=False)
    for gene in space.genes:
        table.add_row(gene.name, ", ".join(map(str, gene.labels)))
    console.print(table)
    size = estimate_size(space)
    console.print(f"\n{len(space.genes)} open values, {_settings(size)} settings")
    console.print(f"{size.legal_share:.0%} of them describe a network; {_distinct(size)}")
    if never := illegal_choices(space):
        console.print(f"Never a network: {', '.join(never)}", soft_wrap=True)


def _summary(space: SearchSpace) -> dict[str, object]:
    return {
        "name": space.name,
        "kind": "space" if space.is_open else "network",
        "settings": str(space.num_settings),
        "description": space.description,
    }


def _described(space: SearchSpace) -> dict[str, object]:
    """A space's open values and size, or a network's id, ready for JSON."""
    if not space.is_open:
        return _summary(space) | {"id": space.decode(()).id}
    size = estimate_size(space)
    return _summary(space) | {
        "open": {gene.name: list(gene.labels) for gene in space.genes},
        "legal_share": size.legal_share,
        "distinct_networks": size.networks,
        "standard_error": size.standard_error,
        "never": list(illegal_choices(space)),
    }


def _settings(size: Size) -> str:
    number = f"{size.settings:,}" if size.settings < 10**24 else human_large(size.settings)
    return number if size.settings_are_exact else f"at most {number}"


def _distinct(size: Size) -> str:
    if not size.networks:
        return "too few of them differ to estimate the number of distinct networks"
    return (
        f"about {human_large(size.networks)} distinct networks "
        f"(standard error {human_large(size.standard_error)})"
    )


def _default_images(space: SearchSpace) -> tuple[str, int]:
    """Shape and number of classes where nobody says."""
    channels = 3 if space.is_open else image_channels(space.decode(()))
    return f"{channels}x32x32", 10


def _draw_network(found: ShapedNetwork, svg: Path) -> str:
    """Write the drawing; what was drawn, in words."""
    write_drawing(svg, found.arch, input_shape=found.input_shape, num_classes=found.num_classes)
    images = f"{shown_shape(found.input_shape)} images and {found.num_classes} classes"
    return f"drawn for {images}: {svg}"


def _show_network(console: Console, found: ShapedNetwork) -> None:
    arch = found.arch
    console.print(f"{arch.name}, architecture {arch.id}: {summarize(arch)}", highlight=False)
    table = Table("part", "module", "arguments", box=None, pad_edge=False)
    channels, *_ = found.input_shape
    for title, calls in arch.sections(in_channels=channels, num_classes=found.num_classes):
        for number, call in enumerate(calls):
            arguments = ", ".join(f"{key}={_shown(value)}" for key, value in call.arguments)
            table.add_row("" if number else title, call.name, arguments)
    console.print(table)
    console.print(
        f"\nfor {channels}-channel images and {found.num_classes} classes; --input and --classes "
        "say others"
    )


def _shown(value: object) -> object:
    name = getattr(value, "name", None)
    if name is None or not hasattr(value, "kwargs"):
        return name or value
    inner = ", ".join(f"{key}={_shown(item)}" for key, item in value.kwargs.items())
    return f"{name}({inner})"


def _in_bytes(exact: Cost) -> dict[str, int]:
    own = (one for one in METRICS.values() if one.style == "bytes" and not one.is_custom)
    return {one.name: int(one.of_cost(exact)) for one in own}


def _cost_table(exact: Cost, memory: WorkingMemory) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_column()
    for metric in METRICS.values():
        if metric.meaning and metric.compute is None:
            value = int(metric.of_cost(exact))
            size = f"{metric.text(value)} " if metric.style == "bytes" else ""
            table.add_row(metric.name, f"{value:,}", f"{size}{metric.meaning}")
    if exact.generated_params:
        kernel = f"kernels {exact.deploy}: "
        made = "with the largest one generated" if exact.deploy == "generated" else "all stored"
        table.add_row(
            "int8_ram_bytes",
            f"{exact.int8_ram_bytes:,}",
            f"{kernel}{human_bytes(exact.int8_ram_bytes)} {made}",
        )
    for name, what in (
        ("int8_munas_peak_bytes", "by muNAS's rule: no image, best order"),
        ("int8_arena_bytes", "a greedy planner's arena"),
    ):
        value = getattr(memory, name)
        table.add_row(name, f"{value:,}", f"{human_bytes(value)} {what}")
    return table


def _print_modules(
    console: Console, arch: Architecture, shape: tuple[int, int, int], classes: int
) -> None:
    from nas.cost import module_costs
    from nas.model import build_model

    model = build_model(arch, in_channels=shape[0], num_classes=classes)
    table = Table("module", "type", box=None, pad_edge=False)
    for heading in ("params", "macs"):
        table.add_column(heading, justify="right")
    for row in module_costs(model, input_shape=shape):
        table.add_row(row.name, row.type_name, f"{row.params:,}", f"{row.macs:,}")
    console.print(table)


def explain(
    key: Annotated[
        str | None,
        typer.Argument(metavar="[KEY]", help="As block.lru.reuse, reuse or lru; all if left out."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a key of a model file means: type, default, paper."""
    from nas.space import explain as explain_key
    from nas.space import reference

    screen = Screen(silent=as_json)
    found = reference() if key is None else explain_key(key)
    if as_json:
        screen.result([asdict(one) for one in found])
        return
    for one in found:
        if key is None:
            screen.line(f"{one.path:44} {one.meaning}")
            continue
        default = f"; default {one.default}" if one.default else ""
        screen.line(f"{one.path}  ({one.type}{default})")
        screen.line(f"  {one.meaning}")
        if one.paper:
            screen.line(f"  {one.paper}")
