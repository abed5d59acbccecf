"""Networks with axes that no shipped space opens: sharing by stage and kind, width, resolution.

The suite of `test_spaces` holds for them too: costs before and after building, gradients, and
exported code to the bit.
"""

from __future__ import annotations

import random
from copy import deepcopy
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
import torch

from nas.cost import cost_of, measure_cost
from nas.errors import IllegalArchitecture
from nas.model import build_model, joined
from nas.quantize import network_onnx, open_session, run_onnx
from nas.sharing import materialize
from nas.space import SearchSpace, dump_architecture, parse_space
from tests.search_spaces.test_spaces import CLASSES, IMAGE, exported_network

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.model import Network

STAGE = """\
    depth: {choice: [0, 1, 2]}
    activation: {choice: [relu, silu]}
    transition:
      choice:
        - maxpool_concat
        - conv: {kernel: {choice: [1, 3]}, groups: {choice: [1, 8]}}
        - separable
        - vgnet_downsampling: {se: {choice: [true, false]}}
    block:
      choice:
        - conv: {groups: {choice: [1, 8]}, kernel: {choice: [1, 3]}, reuse: {choice: [1, 3]}}
        - lru: {reuse: {choice: [1, 3]}, groups: {choice: [1, 8]}}
        - half_identity: {se: {choice: [true, false]}}
        - separable
        - residual
        - bottleneck: {expansion: 2}
        - inverted: {expansion: {choice: [1, 3]}, se: {choice: [true, false]}}
        - mgic_basic: {group_size: 4, threshold: 8}
        - mgic_mobile: {group_size: 4, threshold: 8}
"""
SHARED = """\
    sharing:
      scope: {choice: [none, layer, block, stage]}
      ratio: {choice: [0.1, 0.5, 1.5]}
      kinds: {choice: [[], [pointwise], [depthwise, spatial]]}
      hash: {choice: [element, block]}
"""
TEXT = f"""\
stem:
  choice:
    - conv: {{channels: {{tied: w}}, kernel: {{choice: [3, 5]}}, stride: {{choice: [1, 2]}}}}
    - resnet: {{channels: {{tied: w}}, kernel: 3, stride: 1}}
width: {{choice: [0.5, 1, 1.5]}}
width_rounding: {{choice: [multiple_of_8, at_least_8]}}
resolution: {{choice: [none, 20, 24, 28]}}
stages:
  - channels: {{tied: w}}
{STAGE}{SHARED}
  - channels: {{tied: w, times: 2}}
    stride: 2
{STAGE}
head: {{choice: [gap_linear, {{vgnet: {{chunks: 1}}}}, {{mobilenet_v3: {{hidden: 32}}}}]}}
sharing:
  - scope: {{choice: [network, subnet]}}
    ring: {{choice: [100, 777, 20000]}}
    kinds: {{choice: [[spatial], [pointwise], [spatial, pointwise]]}}
    private: {{choice: [[stem, head], [head], []]}}
    signs: {{choice: [true, false]}}
    permute: {{choice: [true, false]}}
    hash: {{choice: [element, block]}}
  - scope: {{choice: [none, layer]}}
    ratio: 0.5
    private: [stem, classifier]
    repeat: identical
tied: {{w: {{choice: [8, 16]}}}}
"""

UNIT = """\
    depth: {choice: [0, 1, 2]}
    stride: {choice: [1, 2, 1x2]}
    activation: {choice: [relu, gelu, prelu, leaky_relu]}
    transition:
      choice:
        - none
        - maxpool_concat
        - upsample: {factor: {choice: [1, 2]}}
        - conv: {kernel: {choice: [2, 1x3]}, norm: {choice: [batch, none]}}
    block:
      choice:
        - conv:
            kernel: {choice: [1, 3, 4, 3x1]}
            groups: {choice: [1, 4]}
            norm: {choice: [batch, none]}
            order: {choice: [conv_norm_act, conv_act_norm]}
            bias: {choice: [false, true]}
            padding: {choice: [same, valid]}
            dilation: {choice: [1, 2]}
            pool: {choice: [1, 2, 1x2]}
        - separable:
            kernel: {choice: [3, 9, 5x2]}
            norm: {choice: [batch, none]}
            between: {choice: [norm_act, norm, act, none]}
            order: {choice: [conv_norm_act, conv_act_norm]}
            bias: {choice: [false, true]}
        - lru:
            reuse: {choice: [1, 3]}
            groups: 4
            kernel: {choice: [3, 5]}
            multiplier: {choice: [1, 3]}
            shuffle: interleave
            shuffle_groups: {choice: [2, 4]}
        - residual: {shortcut: {choice: [projection, pad]}}
        - unet: {levels: {choice: [1, 2]}, growth: {choice: [1, 2]}}
        - edge_conv: {neighbours: {choice: [1, 5]}, levels: {choice: [0, 1]}, group_size: 4}
"""
UNITS = f"""\
stem:
  choice:
    - none
    - conv:
        channels: 8
        kernel: {{choice: [3, 2, 3x5]}}
        stride: {{choice: [1, 2, 2x1]}}
        order: {{choice: [conv_norm_act, conv_act_norm]}}
        norm: {{choice: [batch, none]}}
        padding: {{choice: [same, valid]}}
        pool: {{choice: [1, 2]}}
    - separable: {{channels: 8, norm: {{choice: [batch, none]}}}}
stages:
  - channels: {{choice: [4, 8]}}
{UNIT}
  - channels: {{choice: [8, 16]}}
{UNIT}
head:
  choice:
    - gap_linear
    - pixels: {{upsample: {{choice: [1, 2]}}}}
    - segmentation: {{hidden: {{choice: [0, 8]}}, upsample: {{choice: [1, 2]}}}}
    - segmentation: {{hidden: 8, context: lraspp}}
    - multi:
        heads:
          - {{name: first, outputs: {{choice: [1, 4]}}, head: {{choice: [gap_linear, pixels]}}}}
          - {{name: second, outputs: 3, head: {{segmentation: {{hidden: {{choice: [0, 8]}}}}}}}}
sharing:
  scope: {{choice: [none, layer, block, stage, network]}}
  ratio: {{choice: [0.25, 0.5]}}
  private: {{choice: [[stem, head], []]}}
"""


@cache
def units() -> SearchSpace:
    return parse_space(UNITS, source="units.yaml", name="units")


@cache
def new_axes() -> SearchSpace:
    return parse_space(TEXT, source="axes.yaml", name="axes")


def test_the_space_opens_every_new_axis() -> None:
    names = {gene.name for gene in new_axes().genes}
    assert {"width", "resolution", "stages.0.sharing.scope", "sharing.0.ring", "tied.w"} <= names


def assert_works(seed: int, space: SearchSpace) -> bool:
    """Whether there was a network; all that holds for it holds."""
    rng = random.Random(f"{space.name} {seed}")
    arch = space.decode(space.random_genome(rng))
    try:
        expected = cost_of(arch, input_shape=IMAGE, num_classes=CLASSES)
    except IllegalArchitecture as refusal:
        assert refusal.rule
        return False
    seen = arch.input_shape(IMAGE)
    again = parse_space(dump_architecture(arch), source="again.yaml", name=space.name).decode(())
    assert again.id == arch.id
    assert again.calls(in_channels=1, num_classes=10) == arch.calls(in_channels=1, num_classes=10)
    torch.manual_seed(seed)
    model = build_model(arch, in_channels=IMAGE[0], num_classes=CLASSES)
    images = torch.randn(2, *seen)
    torch.autograd.backward(joined(model(images)).square().sum())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    with torch.inference_mode():
        exported = exported_network(arch)
        exported.load_state_dict(model.state_dict())
        expects = joined(model.eval()(images))
        assert torch.equal(joined(exported.eval()(images)), expects), arch.id
    assert expected.params == sum(p.numel() for p in model.parameters())
    rings = arch.rings(in_channels=IMAGE[0], num_classes=CLASSES)
    assert expected.ring_params == sum(ring.size for ring in rings)
    if seed % 25 == 0:  # most of a second
        assert_onnx_computes(model, images, expects)
    if seed % 5 == 0:  # all costs at once: several times as slow
        assert measure_cost(model, input_shape=seen) == expected, arch.id
    return True


def assert_onnx_computes(model: Network, images: torch.Tensor, expected: torch.Tensor) -> None:
    """The ONNX file that is deployed gives the same but for rounding, for any batch.

    Rounding is what doubles change too: much where a network selects, as the nearest of points.
    """
    if not all(map(find_spec, ("onnx", "onnxruntime"))):
        return
    with torch.inference_mode():
        model = deepcopy(model)
        materialize(model)
        found = run_onnx(open_session(network_onnx(model, seen_by(images))), images)
        rounding = (joined(model.double()(images.double())) - expected).abs().max()
    allowed = 1e-3 * (1 + expected.abs().max()) + 10 * rounding
    assert (found - expected).abs().max() <= allowed


def seen_by(images: torch.Tensor) -> tuple[int, int, int]:
    _, channels, height, width = images.shape
    return channels, height, width


@pytest.mark.parametrize("space", [new_axes, units])
def test_random_networks_work(space: Callable[[], SearchSpace]) -> None:
    assert sum(assert_works(seed, space()) for seed in range(25)) > 7


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("chunk", range(20))
@pytest.mark.parametrize("space", [new_axes, units])
def test_ten_thousand_random_settings_work(space: Callable[[], SearchSpace], chunk: int) -> None:
    """With those of the shipped spaces, more than ten thousand networks."""
    seeds = range(25 + 500 * chunk, 525 + 500 * chunk)
    assert sum(assert_works(seed, space()) for seed in seeds) > 100
