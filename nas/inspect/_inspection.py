"""Looking into one network: its kernels, its feature maps, its rings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from nas.cost import cost_of
from nas.data import Images
from nas.errors import IllegalArchitecture, ModelFileError, OptionError
from nas.inspect._depthwise import KernelLayer, depthwise_layers
from nas.inspect._maps import MapChange, MapGroup, compare_maps, feature_maps, map_changes
from nas.inspect._parts import placed_parts
from nas.inspect._ring_use import RingUse, ring_uses
from nas.model import build_model, load_weights
from nas.proxy import train_proxy
from nas.train import head_fault, resized, seeded

if TYPE_CHECKING:
    from nas.arch import Architecture
    from nas.data import ImageData
    from nas.model import Network
    from nas.trial import Fidelity

IMAGES = 256
"""Validation images whose feature maps are compared."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inspection:
    """What was seen in one network."""

    arch: Architecture
    weights: str
    """Where they come from, in words."""
    trained: bool
    accuracy: float
    """On the images looked at, in [0, 1]."""
    images: int
    """Validation images looked at."""
    layers: tuple[KernelLayer, ...]
    """Depthwise layers, first to last."""
    groups: tuple[MapGroup, ...]
    """Feature maps by resolution."""
    changes: tuple[MapChange, ...]
    """What parts that keep the resolution made of their input."""
    rings: tuple[RingUse, ...]


def check_subject(arch: Architecture, data: ImageData) -> None:
    """Raise UserError now where `arch` does not suit `data`: its head, or the images' size."""
    task = data.options.task
    if (need := head_fault(arch.head, task, data.num_classes)) is not None:
        raise OptionError(
            f"{arch.name}: head {arch.head.kind} does not suit {data.name}, whose task ({task}) "
            f"needs {need}; change the head with `overrides`, or name RUN:ID, a network of a "
            "search on data that suit it"
        )
    cost_of(arch, input_shape=data.input_shape, num_classes=data.num_classes)


def build_untrained(arch: Architecture, data: ImageData, *, seed: int = 0) -> Network:
    """The network of `arch` for `data`, with freshly drawn weights.

    Raises IllegalArchitecture.
    """
    with seeded(seed):
        return build_model(arch, in_channels=data.input_shape[0], num_classes=data.num_classes)


def build_trained(
    arch: Architecture, data: ImageData, fidelity: Fidelity, *, seed: int = 0
) -> Network:
    """The network of `arch` after a proxy training.

    Raises IllegalArchitecture, Diverged.
    """
    network = build_untrained(arch, data, seed=seed)
    train_proxy(network, data, fidelity, seed=seed)
    return network


def build_with_weights(
    arch: Architecture, data: ImageData, weights: bytes, *, source: str
) -> Network:
    """The network of `arch` with safetensors `weights`, which `source` names in errors.

    Raises IllegalArchitecture, ModelFileError.
    """
    network = build_untrained(arch, data)
    try:
        load_weights(network, weights)
    except (RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()
        raise ModelFileError(
            f"{source}: not the weights of {arch.name} ({arch.id}) for {data.input_shape[0]} "
            f"image channels and {data.num_classes} classes: {' '.join(reason[:3])}; name the "
            "model file, the `overrides` and the `data` they were trained with"
        ) from error
    return network


def inspect_network(
    arch: Architecture,
    network: Network,
    data: ImageData,
    *,
    weights: str,
    trained: bool = True,
    resolution: int | None = None,
) -> Inspection:
    """Look at the kernels, feature maps and rings of `network`, built from `arch` for `data`.

    Args:
        arch: What `network` was built from.
        network: Moved to the CPU and left in eval mode.
        data: Maps are those of its validation images.
        weights: Where the weights come from, in words.
        trained: Whether the numbers mean anything.
        resolution: Side to which images are resized, as in training; None keeps theirs.

    Raises:
        IllegalArchitecture: the images are too small for the network.
    """
    network.cpu().eval()
    channels, classes = data.input_shape[0], data.num_classes
    parts = placed_parts(arch, network, in_channels=channels, num_classes=classes)
    chosen = data.val.first(IMAGES)
    images = Images(pixels=resized(chosen.pixels, resolution), labels=chosen.labels)
    try:
        maps, accuracy = feature_maps(network, parts, images, data)
    except RuntimeError as error:
        side = "x".join(map(str, images.pixels.shape[2:]))
        raise IllegalArchitecture(
            f"{arch.name}: cannot take images of {side}: {error}; inspect it with larger images, "
            "or lessen its strides with `overrides`",
            rule="the images are large enough for the strides",
        ) from error
    return Inspection(
        arch=arch,
        weights=weights,
        trained=trained,
        accuracy=accuracy,
        images=len(images),
        layers=depthwise_layers(network, parts),
        groups=compare_maps(maps),
        changes=map_changes(maps),
        rings=ring_uses(network, parts),
    )
