"""Options that the canonical form drops make no difference: raw and canonical module, compared.

The raw module is built with the option spelled out, the canonical one without; both get the same
weights and must give the same bits.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nas.arch import Call, Ref, Slot
from nas.components import call
from nas.families.lru.modules import LruBlock
from nas.families.lru.modules import MaxPoolConcat as MaxPoolConcatModule
from nas.families.lru.options import Lru, MaxPoolConcat
from nas.families.plain.modules import ConvNormAct
from nas.families.plain.modules import GapLinear as GapLinearModule
from nas.families.plain.options import Conv, GapLinear
from nas.families.separable.modules import SeparableBlock
from nas.families.vgnet.modules import HalfIdentityBlock
from nas.families.vgnet.options import HalfIdentity, VgnetDownsampling
from nas.layers.depthwise import Depthwise
from nas.layers.shuffle import halves, halves_interleave, interleave
from nas.model import instantiate
from tests.model.fill import fill


def site(in_channels: int, out_channels: int | None = None, stride: int = 1) -> Slot:
    return Slot("here", in_channels, out_channels or in_channels, stride, "relu")


def assert_equal_bits(one: nn.Module, other: nn.Module, channels: int) -> None:
    x = torch.rand((2, channels, 6, 6), generator=torch.Generator().manual_seed(0))
    assert list(one.state_dict()) == list(other.state_dict())
    one, other = fill(one), fill(other)
    for mode in (False, True):
        first, second = one.train(mode)(x), other.train(mode)(x)
        assert torch.equal(first, second)


@pytest.mark.parametrize("shuffle", [interleave, halves, halves_interleave])
def test_a_shuffle_after_a_single_application(shuffle: object) -> None:
    canonical = Lru(reuse=1, groups=2, shuffle=shuffle.__name__).call(site(8))  # type: ignore[attr-defined]
    assert "shuffle" not in canonical.kwargs
    raw = LruBlock(channels=8, reuse=1, activation=nn.ReLU, groups=2, shuffle=shuffle)  # type: ignore[arg-type]
    assert_equal_bits(raw, instantiate(canonical), 8)


@pytest.mark.parametrize(
    ("shuffle", "canonical"),
    [(interleave, None), (halves, "halves"), (halves_interleave, "halves")],
)
def test_shuffles_of_two_channels(shuffle: object, canonical: str | None) -> None:
    made = Lru(reuse=3, groups=1, shuffle=shuffle.__name__).call(site(2))  # type: ignore[attr-defined]
    assert made.kwargs.get("shuffle") == (Ref(canonical) if canonical else None)
    raw = LruBlock(channels=2, reuse=3, activation=nn.ReLU, shuffle=shuffle)  # type: ignore[arg-type]
    assert_equal_bits(raw, instantiate(made), 2)


def test_a_concatenation_that_repeats_nothing() -> None:
    assert MaxPoolConcat().call(site(6)) is None
    assert_equal_bits(MaxPoolConcatModule(6, 6), nn.Sequential(), 6)


def test_one_group() -> None:
    canonical = Conv(groups=1).call(site(4))
    assert "groups" not in canonical.kwargs
    raw = ConvNormAct(4, 4, kernel=3, activation=nn.ReLU, stride=1, groups=1)
    assert_equal_bits(raw, instantiate(canonical), 4)


def test_no_dropout() -> None:
    canonical = GapLinear(dropout=0.0).call(site(4, 10))
    assert "dropout" not in canonical.kwargs
    assert_equal_bits(GapLinearModule(4, 10, dropout=0.0), instantiate(canonical), 4)


def test_one_chunk_and_no_stride() -> None:
    raw = Depthwise(4, kernel=3, stride=1, chunks=1)
    assert_equal_bits(raw, Depthwise(4), 4)


def test_ratios_that_leave_the_same_channels_alone() -> None:
    calls = {HalfIdentity(identity_ratio=ratio).call(site(8)) for ratio in (0.25, 0.3, 0.37)}
    (canonical,) = calls
    raw = HalfIdentityBlock(8, 2, Depthwise(6), activation=nn.ReLU, norm_filtered=False)
    assert_equal_bits(raw, instantiate(canonical), 8)
    # 0.3 of 10 is 3, although the product in binary falls just short of it.
    assert HalfIdentity(identity_ratio=0.3).call(site(10)).kwargs["identity"] == 3


def test_a_blur_that_does_not_stride_is_a_learned_filter() -> None:
    by_kernels = {
        kernels: VgnetDownsampling(kernels=kernels).call(site(4, 8))
        for kernels in ("learned", "gaussian", "gaussian_positive")
    }
    assert len(set(by_kernels.values())) == 1
    made = by_kernels["gaussian"]
    assert made is not None
    assert made.kwargs["filters"] == call("Depthwise", channels=4)
    strided = VgnetDownsampling(kernels="gaussian").call(site(4, 8, stride=2))
    assert strided is not None
    assert strided.kwargs["filters"] == call("GaussianBlur", channels=4, stride=2)


def test_separable_transition_and_blocks_are_a_run_of_separable_blocks() -> None:
    first = SeparableBlock(4, 8, Depthwise(4, stride=2), nn.ReLU)
    again: Call = call(
        "SeparableBlock",
        in_channels=4,
        out_channels=8,
        depthwise=call("Depthwise", channels=4, stride=2),
        activation=Ref("nn.ReLU"),
    )
    assert_equal_bits(first, instantiate(again), 4)
