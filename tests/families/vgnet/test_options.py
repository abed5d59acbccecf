"""VGNet's parts: settings that are one network, and what cannot be built."""

from __future__ import annotations

import pytest
import torch

from nas.arch import Component, Slot
from nas.errors import IllegalArchitecture
from nas.families.vgnet.options import HalfIdentity, VgnetDownsampling, VgnetHead
from nas.layers.depthwise import EdgeGaussianBank


def slot(c_in: int, c_out: int | None = None, stride: int = 1) -> Slot:
    return Slot("part", c_in, c_out or c_in, stride, "relu")


def test_downsampling_without_a_stride_is_learned_whatever_the_kernels() -> None:
    calls = {
        VgnetDownsampling(kernels=kernels).call(slot(16, 32))
        for kernels in ("learned", "gaussian", "gaussian_positive")
    }
    assert len(calls) == 1
    assert VgnetDownsampling().call(slot(16)) is None


def test_the_gate_s_activation_makes_no_difference_without_a_gate() -> None:
    assert HalfIdentity(se_activation="silu").call(slot(16)) == HalfIdentity().call(slot(16))


def test_ratios_with_the_same_number_of_identity_channels_are_one_network() -> None:
    assert HalfIdentity(identity_ratio=0.3).call(slot(10)).kwargs["identity"] == 3
    assert HalfIdentity(identity_ratio=0.51).call(slot(16)) == HalfIdentity().call(slot(16))


def test_fixed_kernels_are_not_shared_by_chunks() -> None:
    calls = {VgnetHead(kernels="edge", chunks=chunks).call(slot(16, 10)) for chunks in (1, 8)}
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("part", "at", "message"),
    [
        (HalfIdentity(), slot(7), "2 halves"),
        (HalfIdentity(), slot(16, 32), "keeps its shape"),
        (VgnetHead(), slot(12, 10), "chunks 8 does not divide 12"),
    ],
)
def test_what_cannot_be_built_is_refused(part: Component, at: Slot, message: str) -> None:
    with pytest.raises(IllegalArchitecture, match=message):
        part.call(at)


@pytest.mark.parametrize("channels", [56, 28, 12, 8, 5])
def test_banks_are_tiled_and_cut_to_any_width(channels: int) -> None:
    bank = EdgeGaussianBank(channels).get_buffer("weight")
    assert bank.shape == (channels, 1, 3, 3)
    for channel in range(channels):
        expected = torch.tensor(EdgeGaussianBank.kernels[channel % 8]).view(1, 3, 3)
        assert torch.equal(bank[channel], expected)
