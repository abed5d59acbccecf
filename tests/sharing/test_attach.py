"""Networks built on rings: every family, costs, training, tying, and leaving the rings again."""

from __future__ import annotations

import ast
import copy
import dataclasses
import pickle
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from torch import nn

import nas.sharing._ring
from nas.arch import COMPONENTS, Architecture, Component, Sharing, Slot, Stage
from nas.cost import cost_of, measure_cost, part_cost
from nas.errors import IllegalArchitecture
from nas.families.lru.options import Lru, LruHead, MaxPoolConcat
from nas.families.plain.options import Conv, ConvStem, GapLinear
from nas.families.residual.options import Residual
from nas.families.separable.options import Separable
from nas.families.vgnet.options import HalfIdentity, VgnetDownsampling, VgnetHead
from nas.model import Network, build_model, instantiate
from nas.sharing import Ring, materialize

SCOPES = ("layer", "block", "stage", "subnet", "network")
IMAGES: dict[str, Any] = {"in_channels": 3, "num_classes": 10}


def network(**sharing: Any) -> Architecture:
    """Reused, dense, separable and half-identity blocks behind each other."""
    return Architecture(
        name="all",
        stem=ConvStem(channels=8),
        stages=(
            Stage(
                channels=16,
                stride=2,
                depth=2,
                transition=MaxPoolConcat(),
                block=Lru(reuse=3, groups=4),
            ),
            Stage(channels=24, stride=2, depth=3, block=Residual()),
            Stage(channels=24, depth=2, block=Separable(kernels="edge")),
            Stage(
                channels=32,
                depth=2,
                transition=VgnetDownsampling(),
                block=HalfIdentity(se=True),
            ),
        ),
        head=VgnetHead(),
        sharing=Sharing(**sharing),
    )


def build(**sharing: Any) -> Network:
    torch.manual_seed(0)
    return build_model(network(**sharing), **IMAGES)


def images(count: int = 4) -> torch.Tensor:
    return torch.randn((count, 3, 32, 32), generator=torch.Generator().manual_seed(1))


# -- which layers ----------------------------------------------------------------------------


NOT_ALONE = {"none", "flatten", "multi"}
"""Components without a layer, of other components, and those made for one size of map."""


def is_choice(hint: Any) -> bool:
    return get_origin(hint) is Literal


def parts_of(kind: type[Component]) -> list[Component]:
    """The part with its defaults, and with every flag and last choice taken instead."""
    hints = get_type_hints(kind)
    assert dataclasses.is_dataclass(kind)
    required = {
        item.name: get_args(hints[item.name])[-1] if is_choice(hints[item.name]) else 16
        for item in dataclasses.fields(kind)
        if item.default is dataclasses.MISSING
    }
    other = {
        item.name: True if hints[item.name] is bool else get_args(hints[item.name])[-1]
        for item in dataclasses.fields(kind)
        if hints[item.name] is bool or is_choice(hints[item.name])
    }
    return [kind(**required), kind(**{**required, **other})]


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kinds in COMPONENTS.values()
        for kind in kinds.values()
        if kind.kind not in NOT_ALONE
    ],
    ids=lambda k: k.__name__,
)
def test_plans_count_kernels_as_modules_register_them(kind: type[Component]) -> None:
    met = 0
    for part in parts_of(kind):
        for slot in (Slot("x", 16, 16, 1, "relu"), Slot("x", 16, 32, 2, "relu")):
            try:
                call = part.call(slot)
            except IllegalArchitecture:
                continue
            if call is None:
                continue
            met += 1
            module = instantiate(call)
            layers = [m for m in module.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
            shapes = [(m.weight.shape[0], m.weight.shape[1:].numel()) for m in layers]
            kernels = part_cost(call, (16, 32, 32)).kernels
            assert shapes == [(k.out_channels, k.size // k.out_channels) for k in kernels]
            trained = {id(p) for p in module.parameters() if p.requires_grad and p.dim() > 1}
            assert trained == {id(layer.weight) for layer in layers}
    assert met


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(
    "options",
    [
        {"ratio": 0.3},
        {"ring": 2000, "hash": "block"},
        {"ratio": 1.0, "repeat": "identical", "even": "layer"},
        {"ratio": 0.1, "private": ("classifier", "depthwise")},
    ],
    ids=lambda options: "-".join(options),
)
def test_costs_are_what_the_model_measures(scope: str, options: dict[str, Any]) -> None:
    arch = network(scope=scope, **options)
    model = build_model(arch, **IMAGES)
    model(images()).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    exact = cost_of(arch, input_shape=(3, 32, 32), num_classes=10)
    assert exact == measure_cost(model, input_shape=(3, 32, 32))
    assert 0 < exact.ring_params < exact.params


def test_rings_change_parameters_and_nothing_else() -> None:
    shared = cost_of(network(scope="network", ratio=0.5), input_shape=(3, 32, 32), num_classes=10)
    plain = cost_of(network(), input_shape=(3, 32, 32), num_classes=10)
    # A ring holds half of the parameters it replaces, and they are kernel parameters too.
    assert shared.params == plain.params - shared.ring_params
    assert shared.kernel_params == plain.kernel_params - shared.ring_params
    same = dataclasses.replace(
        shared,
        params=plain.params,
        kernel_params=plain.kernel_params,
        ring_params=0,
        generated_params=0,
        largest_generated=0,
    )
    assert same == plain


def test_even_the_stem_and_the_classifier_may_join() -> None:
    arch = dataclasses.replace(
        network(scope="network", ratio=0.2, private=()), head=LruHead(groups=4)
    )
    model = build_model(arch, **IMAGES)
    assert model(images()).shape == (4, 10)
    exact = cost_of(arch, input_shape=(3, 32, 32), num_classes=10)
    assert exact == measure_cost(model, input_shape=(3, 32, 32))


# -- training and keeping --------------------------------------------------------------------


def test_a_shared_network_learns_and_evaluates_alike_after_every_step() -> None:
    model = build(scope="network", ratio=0.2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    labels = torch.arange(8) % 10
    losses = []
    for _ in range(8):
        model.train()
        loss = nn.functional.cross_entropy(model(images(8)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            kept = model(images(8))
            materialized = copy.deepcopy(model)
            materialize(materialized)
            assert torch.equal(kept, materialized(images(8)))
    assert losses[-1] < losses[0]


def test_saved_weights_bring_the_network_back() -> None:
    model = build(scope="stage", ratio=0.2, seed=7).eval()
    torch.manual_seed(5)
    again = build_model(network(scope="stage", ratio=0.2, seed=7), **IMAGES).eval()
    again.load_state_dict(model.state_dict())
    assert torch.equal(model(images()), again(images()))
    other = build_model(network(scope="stage", ratio=0.2, seed=8), **IMAGES)
    with pytest.raises(RuntimeError, match="seed of training"):
        other.load_state_dict(model.state_dict())


def test_the_state_is_no_larger_than_the_costs_say() -> None:
    arch = network(scope="network", ratio=0.1)
    state = build_model(arch, **IMAGES).state_dict()
    numel = sum(v.numel() for k, v in state.items() if "running" not in k and "num_b" not in k)
    cost = cost_of(arch, input_shape=(3, 32, 32), num_classes=10)
    assert numel == cost.params + cost.frozen_params + 1  # the checksum


def test_copies_and_pickles_after_training_and_evaluation() -> None:
    model = build(scope="block", ratio=0.3)
    model(images()).sum().backward()
    model.eval()
    expected = model(images())
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(again(images()), expected)
        assert not {id(p) for p in again.parameters()} & {id(p) for p in model.parameters()}


# -- hard recurrence -------------------------------------------------------------------------


def tied() -> Architecture:
    """One 3x3 convolution repeated 4 times between a stem and a head."""
    return Architecture(
        name="tied",
        stem=ConvStem(channels=8),
        stages=(Stage(channels=8, depth=4, block=Conv()),),
        head=GapLinear(),
        sharing=Sharing(scope="subnet", ratio=1.0, repeat="identical"),
    )


def test_identical_repeats_are_tied_weights() -> None:
    torch.manual_seed(0)
    shared = build_model(tied(), **IMAGES).double()
    plain = build_model(dataclasses.replace(tied(), sharing=Sharing()), **IMAGES).double()
    (ring,) = shared.rings
    assert isinstance(ring, Ring)
    (kernel,) = ring()
    state = {key: value for key, value in shared.state_dict().items() if "rings" not in key}
    plain.load_state_dict(state, strict=False)
    tied_weight = nn.Parameter(kernel.detach().clone())
    for block in plain.body:
        block.conv.weight = tied_weight

    batch = images().double()
    one, other = shared(batch), plain(batch)
    one.square().sum().backward()
    other.square().sum().backward()

    assert torch.equal(one, other)
    (back,) = torch.autograd.grad(kernel, ring.values, tied_weight.grad)
    torch.testing.assert_close(ring.values.grad, back, rtol=1e-12, atol=0)


def test_repeats_on_one_ring_differ_unless_they_are_identical() -> None:
    arch = dataclasses.replace(tied(), sharing=Sharing(scope="subnet", ratio=0.25))
    model = build_model(arch, **IMAGES)
    materialize(model)
    first, second, *_ = (block.conv.weight.detach().flatten() for block in model.body)
    assert abs(float(torch.cosine_similarity(first, second, dim=0))) < 0.2


# -- leaving ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", SCOPES)
def test_materialized_networks_compute_the_same_without_rings(scope: str) -> None:
    model = build(scope=scope, ratio=0.3, repeat="identical").eval()
    expected = model(images())
    materialize(model)
    assert torch.equal(model(images()), expected)
    assert not any("rings" in key for key in model.state_dict())
    dense = build_model(network(), **IMAGES).eval()
    dense.load_state_dict(model.state_dict())
    assert torch.equal(dense(images()), expected)


def test_the_ring_can_be_copied_into_exported_code() -> None:
    tree = ast.parse(Path(nas.sharing._ring.__file__).read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - {"torch"} <= sys.stdlib_module_names
