"""VGNet's parts: settings that are one network, and what cannot be built."""

from __future__ import annotations

import pytest

from nas.arch import Part, Site
from nas.arch.families.vgnet import HalfIdentity, VgnetDownsampling, VgnetHead
from nas.errors import IllegalArchitecture


def site(c_in: int, c_out: int | None = None, stride: int = 1) -> Site:
    return Site("part", c_in, c_out or c_in, stride, "relu")


def test_downsampling_without_a_stride_is_learned_whatever_the_kernels() -> None:
    calls = {
        VgnetDownsampling(kernels=kernels).call(site(16, 32))
        for kernels in ("learned", "gaussian", "gaussian_positive")
    }
    assert len(calls) == 1
    assert VgnetDownsampling().call(site(16)) is None


def test_the_gate_s_activation_makes_no_difference_without_a_gate() -> None:
    assert HalfIdentity(se_activation="silu").call(site(16)) == HalfIdentity().call(site(16))


def test_ratios_with_the_same_number_of_identity_channels_are_one_network() -> None:
    assert HalfIdentity(identity_ratio=0.3).call(site(10)).kwargs["identity"] == 3
    assert HalfIdentity(identity_ratio=0.51).call(site(16)) == HalfIdentity().call(site(16))


def test_fixed_kernels_are_not_shared_by_chunks() -> None:
    calls = {VgnetHead(kernels="edge", chunks=chunks).call(site(16, 10)) for chunks in (1, 8)}
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("part", "at", "message"),
    [
        (HalfIdentity(), site(7), "2 halves"),
        (HalfIdentity(), site(16, 32), "keeps its shape"),
        (HalfIdentity(kernels="edge"), site(12), "edge bank"),
        (HalfIdentity(kernels="edge_gaussian"), site(56), "edge_gaussian bank"),
        (VgnetDownsampling(), site(7, 14, 2), "gaussian bank"),
        (VgnetHead(), site(12, 10), "chunks 8 does not divide 12"),
        (VgnetHead(kernels="edge_gaussian"), site(12, 10), "edge_gaussian bank"),
    ],
)
def test_what_cannot_be_built_is_refused(part: Part, at: Site, message: str) -> None:
    with pytest.raises(IllegalArchitecture, match=message):
        part.call(at)
