"""From an architecture's calls to an `nn.Module`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import nn
from torch.nn import functional

from nas.errors import IllegalArchitecture
from nas.families import instantiate
from nas.sharing import attach_rings, generated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from nas.arch import Architecture


MAX_WEIGHTS = 1 << 31
"""8 GiB of them."""


Outputs: TypeAlias = "Tensor | tuple[Tensor, ...]"
"""(B, K) logits; of several heads a tensor each."""


def joined(outputs: Outputs) -> Tensor:
    """Outputs as one tensor: those of several heads as (B, numbers), one behind the other."""
    if not isinstance(outputs, tuple):
        return outputs
    if len(outputs) == 1:
        return outputs[0]
    return torch.cat([one.flatten(1) for one in outputs], dim=1)


class Network(nn.Module):
    """(B, C, H, W) images -> (B, K) logits: stem, body and head, one after the other.

    With several heads it gives a tuple, an output for each.
    """

    resolution: int | None = None
    """Side to which larger images are resized: in training, and wherever a whole network is
    tried on images as they are. Exported networks expect images of this side."""

    def __init__(self, stem: nn.Module, body: nn.Sequential, head: nn.Module) -> None:
        """The names of the three parts are those of exported code, so that weights fit both."""
        super().__init__()
        self.stem = stem
        self.body = body
        self.head = head

    @property
    def output_names(self) -> tuple[str, ...]:
        """What the outputs are called: `logits`, or each head's name where there are several."""
        names: tuple[str, ...] = getattr(self.head, "output_names", ("logits",))
        return names

    def forward(self, images: Tensor) -> Outputs:
        """Logits."""
        outputs: Outputs = self.head(self.body(self.stem(_shrunk(images, self.resolution))))
        return outputs


class SharedNetwork(Network):
    """A network some of whose layers read their kernels from parameter rings."""

    def __init__(
        self, stem: nn.Module, body: nn.Sequential, head: nn.Module, rings: nn.ModuleList
    ) -> None:
        """`rings` belong to layers of the three parts."""
        super().__init__(stem, body, head)
        self.rings = rings

    def forward(self, images: Tensor) -> Outputs:
        """Logits."""
        with generated(self.rings):
            return super().forward(images)


def _shrunk(images: Tensor, side: int | None) -> Tensor:
    """Images with the shorter side resized to `side`, antialiased, where it is longer."""
    height, width = images.shape[2:]
    if side is None or min(height, width) <= side:
        return images
    scale = side / min(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return functional.interpolate(images, size=size, mode="bilinear", antialias=True)


def build_model(
    arch: Architecture,
    *,
    in_channels: int = 3,
    num_classes: int = 1000,
    names: Mapping[str, Any] | None = None,
) -> Network:
    """The network that `arch` describes, with freshly drawn weights.

    Draws from torch's global generator; seed it for repeatable weights. `names` stand in for
    the classes and functions that calls may name. Raises IllegalArchitecture, also for networks
    that no memory here would hold.
    """
    parts = arch.component_kernels(in_channels, num_classes)
    if (weights := sum(one.size for part in parts for one in part.kernels)) > MAX_WEIGHTS:
        raise IllegalArchitecture(
            f"{arch.name}: {weights:,} weights; at most {MAX_WEIGHTS:,} can be built, use fewer "
            "channels",
            rule="too large to build",
        )
    stem, *body, head = (
        instantiate(call, names)
        for call in arch.calls(in_channels=in_channels, num_classes=num_classes)
    )
    network = Network(stem, nn.Sequential(*body), head)
    network.resolution = arch.resolution
    if plans := arch.rings(in_channels=in_channels, num_classes=num_classes):
        rings = attach_rings(network, plans)
        shared = SharedNetwork(network.stem, network.body, network.head, rings)
        shared.resolution = arch.resolution
        return shared
    return network
