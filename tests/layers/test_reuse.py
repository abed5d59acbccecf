"""Reuse: one set of weights, applied several times, with BatchNorms of each application's own."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional

from nas.arch import COMPONENTS, Architecture, Block, Sharing, Slot, Stage
from nas.cost import cost_of
from nas.families.dense.options import Unet
from nas.families.inverted.options import Inverted
from nas.families.lru.options import Lru
from nas.families.mgic.options import MgicBasic, MgicMobile
from nas.families.plain.options import Conv, ConvStem, ConvTransition, GapLinear
from nas.families.points.options import EdgeConv
from nas.families.residual.options import Bottleneck, Residual
from nas.families.separable.options import Separable
from nas.families.vgnet.options import HalfIdentity
from nas.layers.reuse import Reuse
from nas.model import build_model, instantiate, load_weights, save_weights

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMES = 3
CHANNELS = 16


def slot(in_channels: int = CHANNELS, stride: int = 1) -> Slot:
    return Slot("block", in_channels, CHANNELS, stride, "relu")


def reused(block: Block | None = None, times: int = TIMES) -> Reuse:
    torch.manual_seed(0)
    made: nn.Module = instantiate((block or Residual()).call(slot()))
    return Reuse(made, times)


def network(block: Any, *, depth: int = 1, stride: int = 1, **sharing: Any) -> Architecture:
    return Architecture(
        name="duplicate",
        stem=ConvStem(channels=CHANNELS),
        stages=(Stage(channels=CHANNELS, depth=depth, stride=stride, block=block),),
        head=GapLinear(),
        sharing=Sharing(**sharing),
    )


def built(arch: Architecture, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build_model(arch, in_channels=3, num_classes=5)


BLOCKS = [
    Conv(reuse=TIMES),
    Separable(reuse=TIMES, groups=2),
    Residual(reuse=TIMES),
    Bottleneck(reuse=TIMES, expansion=4),
    Inverted(reuse=TIMES, expansion=2, se=True),
    HalfIdentity(reuse=TIMES, se=True),
    HalfIdentity(reuse=TIMES, kernels="edge"),
    MgicBasic(reuse=TIMES, group_size=4, threshold=8),
    MgicMobile(reuse=TIMES, group_size=4, threshold=8, expansion=2, se=True),
    Unet(reuse=TIMES, levels=1, growth=1.0),
    EdgeConv(reuse=TIMES, neighbours=3),
]
each_block = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.kind)


# -- what is shared ----------------------------------------------------------------------------


def leaves(module: nn.Module) -> Iterator[nn.Module]:
    return (item for item in module.modules() if not list(item.children()))


@each_block
def test_weights_are_shared_and_batchnorms_are_not(block: Block) -> None:
    first, *others = reused(block)
    assert len(others) == TIMES - 1
    for other in others:
        for one, same in zip(leaves(first), leaves(other), strict=True):
            private = isinstance(one, nn.BatchNorm2d)
            assert (one is not same) == private
    norms = [item for item in leaves(first) if isinstance(item, nn.BatchNorm2d)]
    assert norms, "otherwise this proves nothing"


def test_statistics_are_those_of_each_application() -> None:
    block = reused(Conv()).train()
    block(torch.randn(4, CHANNELS, 6, 6))
    means = [one.norm.running_mean for one in block]
    assert not torch.allclose(means[0], means[1])
    assert not torch.allclose(means[1], means[2])


@each_block
def test_only_the_norms_add_parameters(block: Block) -> None:
    once, often = reused(block, 1), reused(block)
    norms = sum(p.numel() for m in once.modules() if isinstance(m, nn.BatchNorm2d)
                for p in m.parameters())  # fmt: skip
    count = {m: sum(p.numel() for p in m.parameters()) for m in (once, often)}
    assert count[often] == count[once] + (TIMES - 1) * norms


def test_costs_in_closed_form() -> None:
    """Separable, C to C channels: 9C + C^2/g weights, 4C for two BatchNorms, H W per pixel."""
    groups, side = 2, 5  # the stem strides once over 9 pixels
    weights = 9 * CHANNELS + CHANNELS**2 // groups
    costs = {
        times: cost_of(
            network(Separable(reuse=times, groups=groups)), input_shape=(3, 9, 9), num_classes=5
        )
        for times in (1, TIMES)
    }
    assert costs[TIMES].params - costs[1].params == (TIMES - 1) * 4 * CHANNELS
    assert costs[TIMES].macs - costs[1].macs == (TIMES - 1) * weights * side**2
    assert costs[TIMES].peak_activation_bytes == costs[1].peak_activation_bytes


# -- what it computes --------------------------------------------------------------------------


def test_equals_a_loop_with_the_same_weights() -> None:
    block = reused(Conv()).eval()
    for norm in (item for item in block.modules() if isinstance(item, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.uniform_(norm.running_mean)
    x = torch.randn(2, CHANNELS, 7, 7)
    y = x
    for one in block:
        y = functional.conv2d(y, block[0].conv.weight, padding=1)
        y = functional.relu(one.norm(y))
    assert torch.equal(block(x), y)


@each_block
def test_equals_separate_blocks_with_equal_weights(block: Block) -> None:
    """And its gradient is the sum of theirs, over the applications."""
    shared = reused(block).double().train()
    apart = nn.Sequential(*(copy.deepcopy(one) for one in shared))
    x = torch.randn(2, CHANNELS, 6, 6, dtype=torch.double)
    assert torch.equal(shared(x), apart(x))
    shared(x).square().sum().backward()
    apart(x).square().sum().backward()
    norms = {name for name, item in shared[0].named_modules()
             if isinstance(item, nn.BatchNorm2d)}  # fmt: skip
    for name, parameter in shared[0].named_parameters():
        if name.rpartition(".")[0] not in norms:
            total = sum(one.get_parameter(name).grad for one in apart)
            assert torch.allclose(parameter.grad, total, rtol=1e-9, atol=1e-9), name


def test_an_optimiser_step_moves_all_applications_at_once() -> None:
    block = reused()
    optimiser = torch.optim.SGD(block.parameters(), lr=0.1)
    block(torch.randn(2, CHANNELS, 5, 5)).square().mean().backward()
    optimiser.step()
    assert block[0].conv1.weight is block[2].conv1.weight
    parameters = list(block.parameters())
    assert len(parameters) == len({id(p) for p in parameters}), "none is updated twice"


# -- where it applies --------------------------------------------------------------------------


def names(arch: Architecture) -> list[str]:
    _, *body, _ = arch.calls(in_channels=3, num_classes=5)
    return [call.name for call in body]


@each_block
def test_every_block_can_be_reused(block: Block) -> None:
    assert names(network(block)) == ["Reuse"]


def test_no_block_is_forgotten() -> None:
    kinds = {block.kind for block in BLOCKS} | {"lru", "mgic_bottleneck", "mgic_point", "none"}
    assert kinds == set(COMPONENTS[Block]), "whoever adds a block, adds it here"


def test_a_block_that_strides_is_applied_once() -> None:
    assert names(network(Residual(reuse=2), depth=3, stride=2)) == [
        *("ResidualBlock", "Reuse", "Reuse")
    ]


def test_a_block_that_widens_is_applied_once() -> None:
    stage = Stage(channels=2 * CHANNELS, depth=2, block=Residual(reuse=2))
    arch = Architecture(
        name="wide", stem=ConvStem(channels=CHANNELS), stages=(stage,), head=GapLinear()
    )
    assert names(arch) == ["ResidualBlock", "Reuse"]


def test_after_a_transition_every_block_is_reused() -> None:
    stage = Stage(
        channels=2 * CHANNELS,
        stride=2,
        depth=2,
        transition=ConvTransition(),
        block=Residual(reuse=2),
    )
    arch = Architecture(
        name="entered", stem=ConvStem(channels=CHANNELS), stages=(stage,), head=GapLinear()
    )
    assert names(arch) == ["ConvNormAct", "Reuse", "Reuse"]


def test_once_is_no_reuse() -> None:
    assert network(Residual(reuse=1)).id == network(Residual()).id
    assert network(Residual(reuse=2)).id != network(Residual()).id


def test_reuse_where_nothing_can_be_reused_is_no_other_network() -> None:
    strided = {network(Residual(reuse=times), depth=1, stride=2).id for times in (1, 2, 4)}
    assert len(strided) == 1


def test_lru_counts_its_applications_itself() -> None:
    (block,) = network(Lru(reuse=TIMES)).calls(in_channels=3, num_classes=5)[1:-1]
    assert (block.name, block.kwargs["reuse"]) == ("LruBlock", TIMES)


# -- copies, files and rings -------------------------------------------------------------------


@each_block
def test_a_copy_shares_within_itself_and_not_with_the_original(block: Block) -> None:
    model = built(network(block))
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert len(list(twin.parameters())) == len(list(model.parameters()))
        assert not {id(p) for p in twin.parameters()} & {id(p) for p in model.parameters()}
        x = torch.randn(2, 3, 8, 8)
        assert torch.equal(twin.eval()(x), model.eval()(x))


@each_block
def test_weights_are_stored_once_and_load_again(block: Block) -> None:
    model, other = built(network(block)), built(network(block), seed=1)
    model(torch.randn(4, 3, 8, 8))  # so that statistics are not the initial ones
    weights = save_weights(model)
    stored = safetensors.torch.load(weights)
    storages = {tensor.data_ptr() for tensor in model.state_dict().values() if tensor.dim() > 1}
    assert sum(tensor.dim() > 1 for tensor in stored.values()) == len(storages)
    load_weights(other, weights)
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(other.eval()(x), model.eval()(x))


def test_safetensors_own_loader_reads_them(tmp_path: Any) -> None:
    arch = network(Residual(reuse=TIMES))
    model, other = built(arch), built(arch, seed=1)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(save_weights(model))
    safetensors.torch.load_model(other, path)
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(other.eval()(x), model.eval()(x))


@each_block
def test_reused_weights_may_come_from_a_ring(block: Block) -> None:
    """A reused layer reads one kernel; the ring is as much smaller as it is told."""
    arch = network(block, depth=2, scope="network", ratio=0.5)
    model = built(arch)
    x = torch.randn(2, 3, 8, 8)
    model(x).square().sum().backward()
    (ring,) = model.rings
    assert ring.values.grad is not None and torch.isfinite(ring.values.grad).all()
    cost = cost_of(arch, input_shape=(3, 8, 8), num_classes=5)
    assert cost.params == sum(p.numel() for p in model.parameters())
    generated = [r for group in arch.rings(in_channels=3, num_classes=5)[0].kernels for r in group]
    assert len(generated) == len(set(generated))
    other = built(arch, seed=1)
    load_weights(other, save_weights(model))
    assert torch.equal(other.eval()(x), model.eval()(x))
