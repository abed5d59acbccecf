"""Weight sharing: which kernels are read out of parameter rings, and how. No torch.

A *ring* is one trained vector from which the kernels of many layers are generated: every kernel
element is a ring element, times a fixed sign, times a fixed scale of its layer.

Paper: Recurrent Parameter Generators - https://arxiv.org/abs/2107.07110. The authors' code has
one ring for the whole network; that is scope `network` with every other option at its default.
The other scopes, ratios, hashes, even use per layer and gradient scaling are ours. How kernels
are dealt out to rings is in `_rings.py`; the modules are in `nas/sharing/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from nas.components import Bounds, KernelKind

Scope = Literal["none", "layer", "block", "stage", "subnet", "network"]
Role = Literal["stem", "transition", "block", "head"]
Private = Literal[
    "stem", "head", "classifier", "transition", "depthwise", "pointwise", "spatial", "attention"
]

MAX_RING = 1 << 28
"""Scalars of a ring, 1 GB of them: more than any network here has weights."""
MAX_RATIO = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """How a network's kernels share parameter rings; `scope` none shares nothing.

    BatchNorm and biases are always private, as in the authors' code.
    """

    scope: Scope = "none"
    """What has a ring of its own: every layer, block, stage, sub-network, or the whole network.

    A sub-network is one transition or block; those with equal kernel shapes share a ring.
    """
    ring: Annotated[int, Bounds(1, MAX_RING)] | None = None
    """Scalars in all rings together, split in proportion to the weights they generate. May
    exceed the weights: the release's ring for ResNet-18 does, and leaves elements unread."""
    ratio: Annotated[float, Bounds(0, MAX_RATIO)] | None = None
    """Instead of `ring`: ring size as a share of the weights it generates, above 0."""
    kinds: tuple[KernelKind, ...] = ()
    """Kinds of kernels that join; none named is all of them."""
    private: tuple[Private, ...] = ("stem", "head")
    """Kernels that keep weights of their own: whole parts of the network (stem, head,
    transition), the last layer (classifier), or kinds of layers (depthwise, pointwise, spatial:
    dense and larger than 1x1, attention: squeeze-and-excitation). As in the code: stem and head.
    """
    even: Literal["network", "layer"] = "network"
    """Elements are used evenly over all the kernels of a ring (as in the code), or within every
    single kernel (as the paper's text has it)."""
    permute: bool = True
    """Read the ring in random order; otherwise in order, wrapping around."""
    signs: bool = True
    """Flip the sign of every second generated weight, at random."""
    scale: Literal["kaiming", "none"] = "kaiming"
    """Give every layer its own Kaiming fan-out deviation (as in the code), or all the same."""
    gradient_scale: Literal["none", "sqrt", "full"] = "none"
    """Multiply the rings' gradients by 1 (as in the code), 1/sqrt(A) or 1/A, where A is the
    factor by which their variance exceeds that of one unscaled weight. Adam, which normalises
    gradients, hardly notices; SGD does."""
    repeat: Literal["different", "identical"] = "different"
    """Whether equally shaped blocks on one ring read different elements (RPG) or the same ones:
    hard recurrence."""
    hash: Literal["element", "block"] = "element"
    """Scatter single elements (as in the code), or runs of 64, which is several times faster.
    Rings under 64 scatter elements. `ratio` rounds sizes down to multiples of 64; `ring` is kept
    to the scalar, and then the last run of one ring overlaps the one before."""
    seed: Annotated[int, Bounds(0, below=2**32)] = 0
    """Seed of indices and signs; they are regenerated from it, never stored."""


UNSHARED = Sharing()
"""Every layer has weights of its own."""
