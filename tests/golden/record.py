"""300 networks of the six spaces as they were: ids, exact costs, logits. Writes the record.

`python -m tests.golden.record` regenerates `networks.jsonl`, from the repository's root. Do that
only where a change is meant to give other ids, costs or logits, and say so beside it. Networks
that are recorded already stay; `--draw` draws new ones.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nas.arch import Architecture, Component, Stage, describe
from nas.cost import cost_of
from nas.model import build_model
from nas.space import catalogue, load_space, parse_space

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).with_name("networks.jsonl")
EACH = 50
"""Networks of every space."""
INPUTS = (((3, 64, 64), 10), ((1, 96, 128), 7))
"""Image shape (C, H, W) and number of classes, twice."""
COSTS = (
    *("params", "ring_params", "kernel_params", "frozen_params", "macs", "peak_activation_bytes"),
)
LOGITS = 4
"""How many logits of one network are recorded."""


def draw() -> Iterator[tuple[str, Architecture]]:
    """`EACH` legal networks of every space, by seed."""
    spaces = [name for name, path in catalogue().items() if path.parent.name != "zoo"]
    for name in spaces:
        space, rng = load_space(name), random.Random(f"golden {name}")
        for _ in range(EACH):
            yield name, space.random_architecture(rng)


def recorded() -> list[dict[str, Any]]:
    """The lines of the record."""
    return [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def read(line: dict[str, Any]) -> Architecture:
    """The network of one line, read as a model file is."""
    text = json.dumps(line["network"])
    return parse_space(text, source=FILE.name, name=line["space"]).decode(())


def costs(arch: Architecture) -> list[dict[str, int]]:
    """All exact costs at every one of `INPUTS`."""
    exact = [
        dataclasses.asdict(cost_of(arch, input_shape=shape, num_classes=classes))
        for shape, classes in INPUTS
    ]
    return [{key: one[key] for key in COSTS} for one in exact]


def logits(arch: Architecture) -> list[float]:
    """The first logits of a seeded network for a seeded image, not in training mode."""
    shape, classes = INPUTS[0]
    torch.manual_seed(1)
    model = build_model(arch, in_channels=shape[0], num_classes=classes).eval()
    image = torch.rand((1, *shape), generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        first: list[float] = model(image)[0, :LOGITS].tolist()
    return first


def line_of(space: str, arch: Architecture) -> dict[str, Any]:
    """What is recorded of one network."""
    return {
        "space": space,
        "id": arch.id,
        "costs": costs(arch),
        "logits": [float(f"{value:.7g}") for value in logits(arch)],
        "network": _without_defaults(arch),
    }


def _without_defaults(value: Any) -> Any:
    """What `describe` says, less options at their defaults: a default that moves is noticed."""
    if isinstance(value, tuple):
        return [_without_defaults(item) for item in value]
    if isinstance(value, Architecture | Stage | Component):
        options = {
            item.name: _without_defaults(getattr(value, item.name))
            for item in dataclasses.fields(value)  # type: ignore[arg-type]
            if item.name != "sharing" and getattr(value, item.name) != item.default
        }
        if isinstance(value, Architecture) and value.is_shared:
            options["sharing"] = describe(value.sharing)
        return {value.kind: options} if isinstance(value, Component) else options
    return value


def main() -> None:
    """Write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draw", action="store_true", help="draw the networks anew")
    anew = parser.parse_args().draw or not FILE.exists()
    networks = draw() if anew else ((line["space"], read(line)) for line in recorded())
    lines = [json.dumps(line_of(space, arch), separators=(",", ":")) for space, arch in networks]
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
