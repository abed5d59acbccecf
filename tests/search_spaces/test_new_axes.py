"""Networks with axes that no shipped space opens: sharing by stage and kind, width, resolution.

The suite of `test_spaces` holds for them too: costs before and after building, gradients, and
exported code to the bit.
"""

from __future__ import annotations

import random
from functools import cache

import pytest
import torch

from nas.cost import cost_of, measure_cost
from nas.errors import IllegalArchitecture
from nas.model import build_model
from nas.space import SearchSpace, dump_architecture, parse_space
from tests.search_spaces.test_spaces import CLASSES, IMAGE, exported_network

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


@cache
def new_axes() -> SearchSpace:
    return parse_space(TEXT, source="axes.yaml", name="axes")


def test_the_space_opens_every_new_axis() -> None:
    names = {gene.name for gene in new_axes().genes}
    assert {"width", "resolution", "stages.0.sharing.scope", "sharing.0.ring", "tied.w"} <= names


def assert_works(seed: int) -> bool:
    """Whether there was a network; all that holds for it holds."""
    space, rng = new_axes(), random.Random(f"axes {seed}")
    arch = space.decode(space.random_genome(rng))
    try:
        expected = cost_of(arch, input_shape=IMAGE, num_classes=CLASSES)
    except IllegalArchitecture as refusal:
        assert refusal.rule
        return False
    seen = arch.input_shape(IMAGE)
    again = parse_space(dump_architecture(arch), source="again.yaml", name="axes").decode(())
    assert again.id == arch.id
    assert again.calls(in_channels=1, num_classes=10) == arch.calls(in_channels=1, num_classes=10)
    torch.manual_seed(seed)
    model = build_model(arch, in_channels=IMAGE[0], num_classes=CLASSES)
    images = torch.randn(2, *seen)
    model(images).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    with torch.inference_mode():
        exported = exported_network(arch)
        exported.load_state_dict(model.state_dict())
        assert torch.equal(exported.eval()(images), model.eval()(images)), arch.id
    assert expected.params == sum(p.numel() for p in model.parameters())
    rings = arch.rings(in_channels=IMAGE[0], num_classes=CLASSES)
    assert expected.ring_params == sum(ring.size for ring in rings)
    if seed % 5 == 0:  # all costs at once on the meta device: ten times as slow
        assert measure_cost(model, input_shape=seen) == expected, arch.id
    return True


def test_random_networks_work() -> None:
    assert sum(map(assert_works, range(50))) > 25


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("chunk", range(20))
def test_ten_thousand_random_settings_work(chunk: int) -> None:
    """With those of the shipped spaces, more than ten thousand networks."""
    assert sum(map(assert_works, range(50 + 500 * chunk, 550 + 500 * chunk))) > 250
