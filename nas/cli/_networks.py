"""Networks as verbs name them: a model file by name or path, or RUN:ID."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli._options import parse_shape
from nas.errors import OptionError
from nas.space import dump_architecture, load_architecture, load_space, parse_space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.arch import Architecture
    from nas.run import Run
    from nas.space import SearchSpace

NETWORK_HELP = "A network's model file, by name or path, or RUN:ID for a network of a run."
DEFAULT_IMAGES = ("3x224x224", 1000)
"""Shape and classes that a network's costs are counted for where nothing else is said."""
InputShape = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="CxHxW",
        help="Shape of one image; a run's own, or 3x224x224, if left out.",
    ),
]
Classes = Annotated[
    int | None,
    typer.Option(min=1, help="Number of classes; a run's own, or 1000, if left out."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapedNetwork:
    """A network, and the images and classes that its costs are counted for."""

    arch: Architecture
    input_shape: tuple[int, int, int]
    """(C, H, W)."""
    num_classes: int


def find_shaped_network(
    name: str,
    overrides: Sequence[str],
    *,
    input_shape: str | None,
    classes: int | None,
    default: tuple[str, int],
) -> ShapedNetwork:
    """The network called so. Raises UserError.

    Args:
        name: A model file by name or path, or RUN:ID.
        overrides: `PATH=VALUE`, of a model file.
        input_shape: As `parse_shape` reads it; a run's own, or that of `default`, where None.
        classes: A run's own, or those of `default`, where None.
        default: Input shape and classes where nothing else says.
    """
    given = None if input_shape is None else parse_shape(input_shape)
    member = find_member(name, overrides)
    if member is None:
        arch = load_architecture(name, overrides)
        shape, number = parse_shape(default[0]), default[1]
    else:
        arch, run = member
        shape, number = run.problem.input_shape, run.problem.num_classes
    return ShapedNetwork(arch=arch, input_shape=given or shape, num_classes=classes or number)


def find_space(name: str, overrides: Sequence[str]) -> SearchSpace:
    """The model file called so, or RUN:ID as one in which nothing is open. Raises UserError."""
    member = find_member(name, overrides)
    if member is None:
        return load_space(name, overrides)
    arch, _ = member
    return parse_space(dump_architecture(arch), source=name, name=arch.name)


def find_member(name: str, overrides: Sequence[str]) -> tuple[Architecture, Run] | None:
    """The network that RUN:ID means, and its run; None of any other name. Raises UserError."""
    if ":" not in name:
        return None
    from nas.final import split_member  # loads torch

    member = split_member(name)
    if member is None:
        return None
    if overrides:
        raise OptionError(
            f"`overrides`: cannot change {name}, which is a run's; leave it out, or export the "
            "network and change its model file"
        )
    from nas.run import find_network, open_run  # loads torch

    run = open_run(member[0])
    return find_network(run, member[1]), run


def shown_shape(shape: tuple[int, int, int]) -> str:
    """(3, 224, 224) -> `3x224x224`."""
    return "x".join(map(str, shape))
