"""Every family at random: exact costs, shapes, finite gradients, determinism.

Options are drawn from the records' own types, slots from small widths, so that a new family is
covered as soon as it stands in the table. What a family refuses must be refused as an
IllegalArchitecture; everything else must build and run.
"""

from __future__ import annotations

import dataclasses
import random
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest
import torch

from nas.arch import (
    COMPONENTS,
    Architecture,
    Block,
    Bounds,
    Call,
    Component,
    Head,
    Stage,
    Stem,
    Transition,
)
from nas.cost import cost_of, measure_cost, part_cost
from nas.errors import IllegalArchitecture
from nas.families import FAMILIES
from nas.families.plain.options import ConvStem
from nas.model import build_model, instantiate

Shape = tuple[int, int, int]
NETWORKS_PER_FAMILY = 210
WIDTHS = (3, 4, 6, 8, 12, 16, 24, 32, 48)
POOLS = {"channels": WIDTHS, "hidden": WIDTHS, "reuse": (1, 1, 1, 2, 3), "levels": (1, 2, 3)}
"""Options whose other values would only make the networks larger."""
COUNTS = (1, 1, 2, 3, 4, 8, 10)
SHARES = (0.0, 0.25, 0.3, 0.5, 0.75, 1.0, 2.3, 4.0)


def random_value(hint: Any, rng: random.Random) -> Any:
    if get_origin(hint) is Literal:
        return rng.choice(get_args(hint))
    if hint is bool:
        return rng.random() < 0.5
    if get_origin(hint) is Annotated:
        inner, bounds = get_args(hint)
        assert isinstance(bounds, Bounds)
        pool = COUNTS if inner is int else SHARES
        return rng.choice([inner(value) for value in pool if bounds.admit(value)])
    raise AssertionError(f"no way to draw a {hint}")


def random_part(cls: type[Component], rng: random.Random) -> Component:
    hints = get_type_hints(cls, include_extras=True)
    assert dataclasses.is_dataclass(cls)
    options = {
        field.name: rng.choice(POOLS[field.name])
        if field.name in POOLS
        else random_value(hints[field.name], rng)
        for field in dataclasses.fields(cls)
    }
    return cls(**options)


def of_family(base: type[Component], family: str) -> list[type[Component]]:
    return [cls for cls in FAMILIES[family].options if issubclass(cls, base)]


def random_network(family: str, rng: random.Random) -> Architecture:
    """One stage between a stem and a head, all from `family` where it has such parts."""

    def pick(base: type[Component]) -> Component:
        return random_part(
            rng.choice(of_family(base, family) or [*COMPONENTS[base].values()]), rng
        )

    stem = pick(Stem) if rng.random() < 0.3 else ConvStem(channels=rng.choice(WIDTHS), stride=1)
    channels = stem.channels if rng.random() < 0.4 else rng.choice(WIDTHS)
    return Architecture(
        name=family,
        stem=stem,
        stages=(
            Stage(
                channels=channels,
                stride=rng.choice((1, 1, 2, 3)),
                depth=rng.choice((0, 1, 1, 1, 2)),
                activation=rng.choice(("relu", "relu6", "hardswish", "silu")),
                transition=pick(Transition) if rng.random() < 0.5 else None,
                block=pick(Block),
            ),
        ),
        head=pick(Head),
    )


def legal_networks(family: str, image: Shape) -> list[Architecture]:
    rng = random.Random(f"{family} 0")
    networks = []
    for _ in range(100 * NETWORKS_PER_FAMILY):
        arch = random_network(family, rng)
        try:
            cost_of(arch, input_shape=image, num_classes=5)
        except IllegalArchitecture as refusal:
            assert refusal.rule
            assert "network" in str(refusal) or ":" in str(refusal)
        else:
            networks.append(arch)
        if len(networks) == NETWORKS_PER_FAMILY:
            return networks
    raise AssertionError(f"{family} refuses nearly everything")


IMAGE = (3, 9, 8)


@pytest.mark.parametrize("family", FAMILIES)
def test_random_networks(family: str) -> None:
    measured: set[tuple[Call, Shape]] = set()
    for number, arch in enumerate(legal_networks(family, IMAGE)):
        torch.manual_seed(number)
        model = build_model(arch, in_channels=3, num_classes=5)
        x = torch.randn(2, *IMAGE)
        logits = model(x)
        assert logits.shape == (2, 5)
        logits.square().sum().backward()
        assert torch.isfinite(logits).all()
        for parameter in model.parameters():
            assert parameter.grad is not None
            assert torch.isfinite(parameter.grad).all()
        assert_parts_cost_what_they_measure(arch, measured)
        if number % 10 == 0:
            assert_repeatable(arch, number, x, logits)
            cost = cost_of(arch, input_shape=IMAGE, num_classes=5)
            assert measure_cost(model, input_shape=IMAGE) == cost, arch


def assert_parts_cost_what_they_measure(
    arch: Architecture, measured: set[tuple[Call, Shape]]
) -> None:
    """Each of the family's parts alone, so that no peak hides behind a higher one elsewhere."""
    shape = IMAGE
    for call in arch.calls(in_channels=3, num_classes=5):
        planned = part_cost(call, shape)
        # What is reused is the family's, whoever plans the repetition.
        made = call.kwargs["block"] if call.name == "Reuse" else call
        own = made.name in FAMILIES[arch.name].traces
        if own and (call, shape) not in measured:
            measured.add((call, shape))
            with torch.device("meta"):
                cost = measure_cost(instantiate(call), input_shape=shape)
            for name in ("params", "frozen_params", "macs", "peak_activation_bytes"):
                assert getattr(planned, name) == getattr(cost, name), (name, call)
        shape = planned.out_shape


def assert_repeatable(
    arch: Architecture, seed: int, x: torch.Tensor, logits: torch.Tensor
) -> None:
    """The same records and seed give the same logits, bit for bit."""
    torch.manual_seed(seed)
    again = build_model(arch, in_channels=3, num_classes=5)
    assert torch.equal(torch.randn(x.shape), x), "building drew as often as before"
    assert torch.equal(again(x), logits)
