"""Small networks of every family, many of them equal to the bit however they were written."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import torch

from nas.cost import cost_of
from nas.errors import IllegalArchitecture
from nas.model import build_model, joined
from nas.space import parse_space
from tests.model.fill import fill

if TYPE_CHECKING:
    from nas.arch import Architecture
    from nas.space import SearchSpace

STAGE = """\
  - channels: {choice: [4, 8]}
    stride: {choice: [1, 2]}
    depth: {choice: [0, 1, 2]}
    activation: relu
    transition:
      choice:
        - none
        - maxpool_concat
        - conv: {kernel: {choice: [1, 3]}, groups: {choice: [1, 4, 8]}}
        - separable: {groups: {choice: [1, 4]}}
        - vgnet_downsampling: {kernels: {choice: [learned, gaussian]}}
    block:
      choice:
        - conv: {kernel: {choice: [1, 3]}, groups: {choice: [1, 4, 8]}, reuse: {choice: [1, 2]}}
        - separable: {groups: {choice: [1, 4]}}
        - lru: {reuse: {choice: [1, 2]}, shuffle: {choice: [none, halves]}, groups: 4}
        - half_identity: {identity_ratio: {choice: [0, 0.5]}}
        - residual: {kernel: {choice: [1, 3]}}
        - bottleneck: {expansion: {choice: [1, 2]}}
        - inverted: {expansion: {choice: [1, 2]}}
        - mgic_basic: {group_size: 4, threshold: {choice: [2, 4, 8]}}
        - mgic_bottleneck: {expansion: 1, group_size: 4, threshold: {choice: [2, 4, 8]}}
        - mgic_point: {group_size: 4, threshold: {choice: [2, 4, 8]}}
"""
STEM = """\
stem:
  choice:
    - conv: {channels: {choice: [4, 8]}, kernel: {choice: [1, 3]}, stride: {choice: [1, 2]}}
    - resnet: {channels: {choice: [4, 8]}, kernel: 3, stride: {choice: [1, 2]}}
"""
UNIT_STAGE = """\
  - channels: {choice: [2, 4]}
    stride: {choice: [1, 2, 1x2]}
    depth: {choice: [0, 1]}
    activation: {tied: act}
    transition:
      choice:
        - none
        - maxpool_concat
        - upsample: {factor: {choice: [1, 2]}}
        - separable: {norm: {tied: norm}, between: {choice: [norm_act, none]}}
    block:
      choice:
        - conv:
            kernel: {choice: [1, 3, 2, 1x3]}
            groups: {choice: [1, 2, 4]}
            norm: {tied: norm}
            order: {choice: [conv_norm_act, conv_act_norm]}
            bias: {choice: [false, true]}
            padding: {choice: [same, valid]}
            dilation: {choice: [1, 2]}
            pool: {choice: [1, 2]}
        - separable:
            kernel: {choice: [1, 3]}
            groups: {choice: [1, 2]}
            norm: {tied: norm}
            order: {choice: [conv_norm_act, conv_act_norm]}
            bias: {choice: [false, true]}
            between: {choice: [norm_act, norm, act, none]}
            pool: {choice: [1, 2]}
        - lru: {reuse: {choice: [1, 2]}, groups: 2, multiplier: {choice: [1, 2]}}
        - unet: {levels: 1, growth: {choice: [1, 2]}}
        - edge_conv: {neighbours: {choice: [1, 4]}, levels: {choice: [0, 1]}, group_size: 2}
"""
UNIT_STEM = """\
stem:
  choice:
    - none
    - conv:
        channels: {choice: [2, 4]}
        kernel: {choice: [1, 3]}
        stride: {choice: [1, 2]}
        activation: {tied: act}
        order: {choice: [conv_norm_act, conv_act_norm]}
        norm: {tied: norm}
    - separable:
        channels: {choice: [2, 4]}
        stride: {choice: [1, 2]}
        activation: {tied: act}
        norm: {tied: norm}
        between: {choice: [norm_act, none]}
"""
UNIT_HEAD = """\
head:
  choice:
    - gap_linear
    - pixels: {upsample: {choice: [1, 2]}}
    - segmentation: {upsample: {choice: [1, 2]}, hidden: {choice: [0, 4]}}
    - multi:
        heads:
          - {name: one, outputs: {choice: [1, 2]}, head: {choice: [gap_linear, pixels]}}
          - {name: two, outputs: 2, head: {segmentation: {upsample: 1, hidden: {choice: [0, 4]}}}}
tied: {act: {choice: [silu, prelu]}, norm: {choice: [batch, none]}}
"""
RINGED = """\
stem: {conv: {channels: 8, stride: 1}}
stages:
  - {channels: 8, depth: 2, block: conv, activation: silu}
  - {channels: 8, depth: {choice: [1, 2]}, block: separable, activation: silu}
head: gap_linear
sharing:
  scope: {choice: [layer, block, stage, subnet, network]}
  ring: {choice: [8, 64, 72, 144, 576]}
  even: {choice: [network, layer]}
  permute: {choice: [true, false]}
  signs: {choice: [true, false]}
  scale: {choice: [kaiming, none]}
  repeat: {choice: [different, identical]}
  hash: {choice: [element, block]}
"""


def small_networks() -> SearchSpace:
    """Networks of two small stages."""
    text = f"{STEM}stages:\n{STAGE}{STAGE}head: gap_linear\n"
    return parse_space(text, source="twins.yaml", name="twins")


def small_units() -> SearchSpace:
    """Networks of small stages in the newer forms, some of them without a stem."""
    text = f"{UNIT_STEM}stages:\n{UNIT_STAGE * 2}{UNIT_HEAD}"
    return parse_space(text, source="units.yaml", name="units")


def small_rings() -> SearchSpace:
    """One small network, shared in many ways."""
    return parse_space(RINGED, source="rings.yaml", name="rings")


def outcome_for_all_images(arch: Architecture) -> tuple[Any, ...]:
    """Outcomes for images of 2 channels and, without a stem, of others; None where illegal."""

    def one(channels: int) -> tuple[Any, ...] | None:
        try:
            return outcome(arch, channels)
        except IllegalArchitecture:
            return None

    return tuple(map(one, (2,) if arch.stem.channels else (1, 2, 3)))


def outcome(arch: Architecture, channels: int = 2) -> tuple[Any, ...]:
    """Costs, and the bits of the logits under weights that follow from the layers' order.

    A ring is filled with what its size alone determines.
    """
    torch.manual_seed(0)
    model = fill(build_model(arch, in_channels=channels, num_classes=3))
    for number, ring in enumerate(getattr(model, "rings", ())):
        with torch.no_grad():
            ring.values.normal_(std=0.1, generator=torch.Generator().manual_seed(number))
    images = torch.randn((4, channels, 16, 16), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        made = model(images)
    # The largest map may be one of the classes': with fewer of them another one is.
    cost, other = (
        cost_of(arch, input_shape=(channels, 16, 16), num_classes=classes) for classes in (3, 1)
    )
    outputs = made if isinstance(made, tuple) else (made,)
    return (
        tuple(tuple(one.shape) for one in outputs),
        cost.params,
        cost.macs,
        cost.peak_activation_bytes,
        other.peak_activation_bytes,
        hashlib.sha1(joined(made).numpy().tobytes(), usedforsecurity=False).hexdigest(),
    )
