"""A sample of networks to export: random ones of every space, and some of the zoo."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from nas.errors import OptionError
from nas.export import Provenance, find_converter
from nas.space import catalogue, load_architecture, load_space

if TYPE_CHECKING:
    from nas.arch import Architecture

SPACES = [name for name, path in catalogue().items() if path.parent.name != "zoo"]
ZOO = ("lrunet_14_1x", "vgnetg_1.0mp_se", "mgic_resnet20", "mgic_mobilenetv3_small_cifar")
SHAPE, CLASSES = (3, 32, 32), 10
PROVENANCE = Provenance(
    claim="1,234 parameters. Validation accuracy 0.5 after a proxy training of 1 epoch.",
    origin="Found by nas 0.1.0: trial 3 of a search of a space.",
    preprocessing="Input: float images (B, 3, 32, 32) in [0, 1].",
    weights_file="network.safetensors",
)


def sample(each: int) -> list[Architecture]:
    """`each` networks of every space, three times as many of lru_vgnet, and four of the zoo."""
    archs = [load_architecture(name) for name in ZOO]
    for name in SPACES:
        space, rng = load_space(name), random.Random(4)
        count = 3 * each if name == "lru_vgnet" else each
        archs += [space.random_architecture(rng) for _ in range(count)]
    return archs


def has_converter() -> bool:
    """Whether the environment that writes .tflite files is there."""
    try:
        find_converter()
    except OptionError:
        return False
    return True
