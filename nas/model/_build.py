"""From an architecture's calls to an `nn.Module`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from nas.families import instantiate
from nas.sharing import attach_rings, generated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from nas.arch import Architecture


class Network(nn.Module):
    """(B, C, H, W) images -> (B, K) logits: stem, body and head, one after the other."""

    def __init__(self, stem: nn.Module, body: nn.Sequential, head: nn.Module) -> None:
        """The names of the three parts are those of exported code, so that weights fit both."""
        super().__init__()
        self.stem = stem
        self.body = body
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.body(self.stem(images)))
        return logits


class SharedNetwork(Network):
    """A network some of whose layers read their kernels from parameter rings."""

    def __init__(
        self, stem: nn.Module, body: nn.Sequential, head: nn.Module, rings: nn.ModuleList
    ) -> None:
        """`rings` belong to layers of the three parts."""
        super().__init__(stem, body, head)
        self.rings = rings

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        with generated(self.rings):
            return super().forward(images)


def build_model(
    arch: Architecture,
    *,
    in_channels: int,
    num_classes: int,
    names: Mapping[str, Any] | None = None,
) -> Network:
    """The network that `arch` describes, with freshly drawn weights.

    Draws from torch's global generator; seed it for repeatable weights. `names` stand in for
    the classes and functions that calls may name. Raises IllegalArchitecture.
    """
    stem, *body, head = (
        instantiate(call, names)
        for call in arch.calls(in_channels=in_channels, num_classes=num_classes)
    )
    network = Network(stem, nn.Sequential(*body), head)
    if plans := arch.rings(in_channels=in_channels, num_classes=num_classes):
        rings = attach_rings(network, plans)
        return SharedNetwork(network.stem, network.body, network.head, rings)
    return network
