"""LruNet's modules against vectors of the authors' network, and against wrong shuffles.

The vectors are outputs of the published code for weights that follow a formula; anybody can
recompute them.
"""

# ruff: noqa: E501 - tables, one published row per line

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from nas.arch import Architecture, Stage
from nas.components import Slot
from nas.families.lru.modules import LruBlock
from nas.families.lru.modules import LruHead as LruHeadModule
from nas.families.lru.modules import MaxPoolConcat as MaxPoolConcatModule
from nas.families.lru.options import Lru, LruHead, MaxPoolConcat
from nas.families.plain.options import ConvStem
from nas.layers import shuffle as shuffles
from nas.model import Network, build_model


def lrunet(reuse: int, shuffle: str = "halves_interleave") -> Architecture:
    return Architecture(
        name="lrunet",
        stem=ConvStem(channels=64),
        stages=tuple(
            Stage(
                channels=channels,
                stride=stride,
                transition=MaxPoolConcat(),
                block=Lru(reuse=reuse, shuffle=shuffle),
            )
            for channels, stride in ((64, 1), (128, 2), (256, 2), (512, 1))
        ),
        head=LruHead(),
    )


def uniform(count: int, k: int) -> Tensor:
    """u(i, k): a fixed sequence in [-1/2, 1/2)."""
    i = torch.arange(count, dtype=torch.int64)
    return ((40503 * i + 9973 * k + 1) % 65536).double() / 65536 - 0.5


def fill(model: Network) -> None:
    """Weights by the formula, and BatchNorms that differ from application to application."""
    convs = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    for k, conv in enumerate(convs):
        weight = conv.weight.data
        fan = weight[0].numel()
        weight.copy_(2 * math.sqrt(3 / fan) * uniform(weight.numel(), k).view_as(weight))
    nn.init.constant_(model.head.classify.bias, 0.5)
    for block in model.body:
        if isinstance(block, LruBlock):
            for t, norm in enumerate(block.depthwise_norms):
                nn.init.constant_(norm.weight, 1 / (1 + t))
            for t, norm in enumerate(block.pointwise_norms):
                nn.init.constant_(norm.weight, 0.5)
                nn.init.constant_(norm.bias, 0.01 * t)


def filled(arch: Architecture, image_channels: int) -> Network:
    model = build_model(arch, in_channels=image_channels, num_classes=10).double().eval()
    fill(model)
    return model


def image(channels: int, pixels: int) -> Tensor:
    return uniform(channels * pixels**2, 11).view(1, channels, pixels, pixels) + 0.5


VECTORS = [
    # N, image channels, side, sum after the stem, logits
    (1, 3, 32, 1777.085766, ".470603 .474525 .545171 .623375 .407372 .442676 .464907 .524858 .703751 .485460"),
    (3, 3, 32, 1777.085766, ".437029 .490722 .958414 .369101 .776384 .222355 .613759 .338038 .315874 .531666"),
    (3, 1, 28, 1675.880608, ".338394 .586075 .579865 .500196 .517195 .322721 .652997 .478604 .654039 .661628"),
]  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS, ids=["N=1", "N=3", "N=3 grey"])
def test_golden_vectors(vector: tuple[int, int, int, float, str]) -> None:
    reuse, channels, pixels, stem_sum, logits = vector
    model, x = filled(lrunet(reuse), channels), image(channels, pixels)
    assert model.stem(x).sum().item() == pytest.approx(stem_sum, abs=1e-6)
    expected = torch.tensor([float(value) for value in logits.split()], dtype=torch.float64)
    torch.testing.assert_close(model(x)[0].detach(), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("shuffle", "signature"),
    [
        ("none", (0.479974, 0.447635, 0.582759)),
        ("interleave", (0.602330, 0.546090, 0.664707)),
        ("halves", (0.508582, 0.529723, 0.615977)),
    ],
)
def test_wrong_shuffles_have_their_own_signature(
    shuffle: str, signature: tuple[float, ...]
) -> None:
    """Each wrong shuffle gives exactly the logits known for that mistake, and not LruNet's."""
    logits = filled(lrunet(3, shuffle), 3)(image(3, 32))[0, :3]
    torch.testing.assert_close(
        logits.detach(), torch.tensor(signature, dtype=torch.float64), atol=1e-6, rtol=0
    )
    assert not torch.allclose(logits, torch.tensor([0.437029, 0.490722, 0.958414]).double())


def shuffle_order(name: str, channels: int) -> tuple[int, ...]:
    """Source channel of every output channel."""
    x = torch.arange(channels).view(1, channels, 1, 1)
    return tuple(getattr(shuffles, name)(x).flatten().tolist())


def test_shuffle_of_eight_channels() -> None:
    assert shuffle_order("interleave", 8) == (0, 4, 1, 5, 2, 6, 3, 7)
    assert shuffle_order("halves", 8) == (4, 5, 6, 7, 0, 1, 2, 3)
    assert shuffle_order("halves_interleave", 8) == (4, 0, 5, 1, 6, 2, 7, 3)
    assert shuffle_order("halves_interleave", 64)[:4] == (32, 0, 33, 1)


@pytest.mark.parametrize("name", ["interleave", "halves", "halves_interleave"])
def test_two_channels_are_swapped_or_stay(name: str) -> None:
    slot = Slot("stages.0.block.lru", 2, 2, 1, "relu")
    shuffle = Lru(reuse=3, groups=1, shuffle=name).call(slot).kwargs.get("shuffle")
    assert shuffle_order(name, 2) == ((0, 1) if shuffle is None else shuffle_order("halves", 2))


@pytest.mark.parametrize(
    ("channels", "period"), [(64, 12), (128, 14), (256, 16), (512, 18), (1024, 20)]
)
def test_shuffle_has_no_fixed_channel_and_a_known_period(channels: int, period: int) -> None:
    order = shuffle_order("halves_interleave", channels)
    assert all(source != target for target, source in enumerate(order))
    plain = shuffle_order("interleave", channels)
    assert [c for c in range(channels) if plain[c] == c] == [0, channels - 1]
    state, steps = order, 1
    while state != tuple(range(channels)):
        state, steps = tuple(state[source] for source in order), steps + 1
    assert steps == period


def test_applications_share_convolutions_but_not_norms() -> None:
    block = LruBlock(16, 5, nn.ReLU, groups=8, shuffle=shuffles.halves_interleave)
    names = [name.split(".")[0] for name, _ in block.named_parameters()]
    assert names.count("depthwise") == names.count("pointwise") == 1
    assert names.count("depthwise_norms") == names.count("pointwise_norms") == 10


def test_max_pool_concat_repeats_channels_from_the_first_on() -> None:
    x = torch.arange(3.0).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    y = MaxPoolConcatModule(3, 8, stride=2)(x)
    assert y.shape == (1, 8, 2, 2)
    assert y[0, :, 0, 0].tolist() == [0, 1, 2, 0, 1, 2, 0, 1]


def test_logits_are_never_negative() -> None:
    torch.manual_seed(0)
    model = build_model(lrunet(1), in_channels=3, num_classes=10).eval()
    assert model(torch.randn(4, 3, 32, 32)).min() >= 0


def test_without_the_relu_scores_may_fall_below_zero_and_learn() -> None:
    x = torch.randn(2, 16, 8, 8)
    held, free = (LruHeadModule(16, 3, groups=2, relu=relu) for relu in (True, False))
    free.load_state_dict(held.state_dict())
    for head in (held, free):
        nn.init.constant_(head.classify.bias, -100)
        head(x).sum().backward()

    assert (held(x) == 0).all()
    assert not held.classify.weight.grad.any()
    assert (free(x) < 0).all()
    assert free.classify.weight.grad.any()
