"""The spaces that come with nas: what they open, and that everything in them works.

A network works if it builds, runs forward and backward with finite gradients everywhere, has the
costs that were counted before it was built, and its exported source computes the same logits bit
for bit.
"""

from __future__ import annotations

import random
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from nas.cost import cost_of, measure_cost
from nas.errors import IllegalArchitecture
from nas.export import Provenance, emit_module
from nas.export._emit import to_class_name
from nas.model import build_model
from nas.space import SearchSpace, catalogue, load_space, parse_space

if TYPE_CHECKING:
    from nas.arch import Architecture

IMAGE = (1, 28, 28)
CLASSES = 10
PROVENANCE = Provenance(claim="-", origin="-", preprocessing="-", weights_file=None)

SHARING = ("sharing.scope", "sharing.ratio", "sharing.repeat", "sharing.private")
AXES = {
    # Layer reuse beside half-identity, and the convolutions they stand in for.
    "lru_vgnet": (
        *("block", "block.lru.reuse", "block.lru.groups", "block.lru.shuffle"),
        *("block.half_identity.identity_ratio", "block.half_identity.kernels"),
        *("block.half_identity.se", "block.separable.kernels"),
        *("transition", "depth", "channels", "stem.conv.stride"),
    ),
    # Scope, ring size as a share and as a count, virtual depth and width.
    "rpg_resnet": (
        *(*SHARING, "sharing.ring", "sharing.even", "channels", "depth", "block"),
        *("block.residual.reuse", "block.bottleneck.reuse", "block.bottleneck.expansion"),
    ),
    "mgic_mobilenetv3": tuple(
        f"block.{key}"
        for key in (
            *(f"mgic_mobile.{axis}" for axis in ("levels", "group_size", "threshold")),
            *(f"{form}.expansion" for form in ("mgic_mobile", "inverted")),
            *(f"{form}.se" for form in ("mgic_mobile", "inverted")),
        )
    ),
    "mobilenet_reuse": (*SHARING, "block.separable.reuse", "block.separable.kernels"),
    "reuse_all": (
        *(*SHARING, "sharing.even", "sharing.hash"),
        *(f"block.lru.{axis}" for axis in ("reuse", "groups", "shuffle")),
        *(f"block.half_identity.{axis}" for axis in ("identity_ratio", "kernels", "se")),
        *(f"block.separable.{axis}" for axis in ("kernels", "groups", "reuse")),
        *(f"block.inverted.{axis}" for axis in ("expansion", "kernel", "se", "reuse")),
        *(f"block.mgic_mobile.{axis}" for axis in ("levels", "group_size", "threshold", "se")),
        *(f"block.mgic_basic.{axis}" for axis in ("levels", "group_size", "threshold", "reuse")),
        *("block.residual.reuse", "block.conv.reuse"),
        *("transition", "transition.vgnet_downsampling.kernels"),
    ),
}
"""Open values that a space's purpose names; those of stages are open in every stage."""

NUM_STAGES = 3
PER_STAGE = ("block", "transition", "depth", "channels")

SETTINGS = {
    "lru_vgnet": 10**12,
    "rpg_resnet": 10**9,
    "mgic_mobilenetv3": 10**12,
    "mobilenet_reuse": 10**10,
    "reuse_all": 10**15,
}
LEGAL_SHARE = {
    "lru_vgnet": 0.5,
    "rpg_resnet": 0.5,
    "mgic_mobilenetv3": 0.5,
    "mobilenet_reuse": 0.5,
    "reuse_all": 0.1,
}
"""Of settings drawn gene by gene: below these, a search would spend its time on rejection."""

SPACES = tuple(AXES)


@cache
def space_called(name: str) -> SearchSpace:
    return load_space(name)


def gene_names(space: SearchSpace) -> set[str]:
    """Without the numbers of options that have no kind, which are no keys of a model file."""
    return {re.sub(r"option.\d+\.", "", gene.name) for gene in space.genes}


def test_every_space_is_tried() -> None:
    spaces = {name for name, path in catalogue().items() if path.parent.name != "zoo"}
    # The small one is trained whole: tests/bench/test_trainings.py counts its networks. Masks
    # and signals are searched for in tests/run/test_tasks.py.
    assert spaces == {*SPACES, "lru_vgnet_small", "dense", "keywords"}


@pytest.mark.parametrize("name", SPACES)
def test_opens_the_axes_that_its_purpose_names(name: str) -> None:
    space = space_called(name)
    genes = gene_names(space)
    for axis in AXES[name]:
        if axis.partition(".")[0] in PER_STAGE:
            wanted = {f"stages.{stage}.{axis}" for stage in range(NUM_STAGES)}
            if axis.startswith("transition"):  # shapes may be kept in the first stage
                wanted -= {f"stages.0.{axis}"}
        else:
            wanted = {axis}
        assert wanted <= genes, axis
    assert space.description


@pytest.mark.parametrize("name", SPACES)
def test_is_large(name: str) -> None:
    assert space_called(name).num_settings > SETTINGS[name] >= 10**9


@pytest.mark.parametrize("name", SPACES)
def test_most_settings_describe_networks(name: str) -> None:
    space, rng = space_called(name), random.Random(0)
    legal, tries = 0, 400
    for _ in range(tries):
        try:
            cost_of(space.decode(space.random_genome(rng)), input_shape=IMAGE, num_classes=CLASSES)
        except IllegalArchitecture as refusal:
            assert refusal.rule and len(str(refusal)) > len(refusal.rule)
        else:
            legal += 1
    assert legal >= LEGAL_SHARE[name] * tries


HAND = """\
stem: {conv: {channels: 24, stride: 1, activation: silu}}
stages:
  - {channels: 32, depth: 2, stride: 2, activation: silu, transition: conv, block: half_identity}
  - channels: 64
    depth: 3
    stride: 2
    activation: silu
    transition: {vgnet_downsampling: {kernels: learned}}
    block: {half_identity: {se: true}}
  - channels: 128
    depth: 3
    stride: 2
    activation: silu
    transition: {vgnet_downsampling: {kernels: learned}}
    block: {half_identity: {se: true}}
head: gap_linear
"""
"""Written by hand, no search: 92.7 % on Fashion-MNIST after 15 epochs, with 58k parameters."""
CHOICES = {
    **{"stem.conv.channels": 24, "stem.conv.stride": 1, "tied.activation": "silu"},
    **{"stages.0.channels": 32, "stages.0.depth": 2, "stages.0.stride": 2},
    **{"stages.1.channels": 64, "stages.1.depth": 3},
    **{"stages.2.channels": 128, "stages.2.depth": 3},
    **{f"stages.{stage}.block": "half_identity" for stage in range(3)},
    **{f"stages.{stage}.block.half_identity.identity_ratio": 0.5 for stage in range(3)},
    **{f"stages.{stage}.block.half_identity.se": stage > 0 for stage in range(3)},
    **{"stages.0.transition": "conv"},
    **{f"stages.{stage}.transition": "vgnet_downsampling" for stage in (1, 2)},
}
"""The genes of `lru_vgnet` that say the same; every other one at its first option."""


def test_lru_vgnet_holds_a_good_network_written_by_hand() -> None:
    space = space_called("lru_vgnet")
    labels = space.labels((0,) * len(space.genes))
    assert set(CHOICES) <= set(labels)
    hand = parse_space(HAND, source="hand.yaml", name="hand").decode(())
    assert space.decode(space.genome(labels | CHOICES)).id == hand.id
    cost = cost_of(hand, input_shape=IMAGE, num_classes=CLASSES)
    assert (cost.params, cost.macs) == (58_010, 2_693_504)


# -- everything in them works ----------------------------------------------------------------


def random_architectures(name: str, count: int, seed: object) -> list[Architecture]:
    space, rng = space_called(name), random.Random(f"{name} {seed}")
    return [space.random_architecture(rng) for _ in range(count)]


def assert_works(arch: Architecture, seed: int) -> None:
    torch.manual_seed(seed)
    model = build_model(arch, in_channels=IMAGE[0], num_classes=CLASSES)
    images = torch.randn(2, *IMAGE)
    model(images).square().sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, (arch.id, key)
        assert torch.isfinite(parameter.grad).all(), (arch.id, key)

    model.eval()
    with torch.inference_mode():
        with FlopCounterMode(display=False) as flops:
            logits = model(images)
        assert torch.isfinite(logits).all(), arch.id
        exported = exported_network(arch)
        exported.load_state_dict(model.state_dict())
        assert torch.equal(exported.eval()(images), logits), arch.id

    expected = cost_of(arch, input_shape=IMAGE, num_classes=CLASSES)
    assert expected.params == sum(p.numel() for p in model.parameters()), arch.id
    assert expected.macs == flops.get_total_flops() // (2 * len(images)), arch.id
    if seed % 20 == 0:  # all costs at once, memory too: several times as slow
        assert measure_cost(model, input_shape=IMAGE) == expected, arch.id


def exported_network(arch: Architecture) -> torch.nn.Module:
    source = emit_module(arch, input_shape=IMAGE, num_classes=CLASSES, provenance=PROVENANCE)
    namespace: dict[str, object] = {"__name__": "exported"}
    exec(compile(source, "exported", "exec"), namespace)
    network = namespace[to_class_name(arch.name)]
    assert isinstance(network, type)
    made = network()
    assert isinstance(made, torch.nn.Module)
    return made


@pytest.mark.parametrize("name", SPACES)
def test_random_networks_work(name: str) -> None:
    for number, arch in enumerate(random_architectures(name, 7, "few")):
        assert_works(arch, number)


CHUNKS, PER_CHUNK = 20, 100


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("name", SPACES)
def test_two_thousand_random_networks_work(name: str, chunk: int) -> None:
    """In chunks, so that xdist can spread them and `--last-failed` or `-k` take up a part."""
    for number, arch in enumerate(random_architectures(name, PER_CHUNK, chunk)):
        assert_works(arch, PER_CHUNK * chunk + number)
