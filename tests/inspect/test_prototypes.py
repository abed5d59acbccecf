from __future__ import annotations

import pytest
import torch

from nas.inspect import LABELS, chance_shares, label_kernels, prototypes
from nas.layers.depthwise import (
    EdgeBank,
    EdgeGaussianBank,
    GaussianBlur,
    PositiveGaussianBlur,
)

IDENTITY = torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]])
SHIFT = torch.tensor([[0.0, 0, 0], [0, 0, 1], [0, 0, 0]])
BAR = torch.tensor([[0.0, 1, -1], [0, 1, -1], [0, 1, -1]])


def banked(kernels: tuple[tuple[float, ...], ...]) -> torch.Tensor:
    return torch.tensor(kernels).view(-1, 3, 3)


def noisy(kernel: torch.Tensor, amount: float, count: int = 500) -> torch.Tensor:
    """`count` copies with noise of `amount` times the kernel's norm in a random direction."""
    noise = torch.randn(count, *kernel.shape, generator=torch.Generator().manual_seed(1))
    noise /= noise.flatten(1).norm(dim=1)[:, None, None]
    return kernel + amount * kernel.norm() * noise


def test_every_fixed_bank_has_the_label_of_its_name() -> None:
    assert set(label_kernels(banked(EdgeBank.kernels))[0]) == {"edge"}
    assert set(label_kernels(banked(GaussianBlur.kernels))[0]) == {"gaussian"}
    assert set(label_kernels(banked(PositiveGaussianBlur.kernels))[0]) == {"gaussian"}
    assert label_kernels(banked(EdgeGaussianBank.kernels))[0] == ("edge",) * 6 + ("gaussian",) * 2


def test_sign_and_scale_do_not_matter_but_are_told() -> None:
    kernels = torch.stack([3 * IDENTITY, -0.01 * IDENTITY])

    labels, cosines = label_kernels(kernels)

    assert labels == ("identity", "identity")
    assert cosines.tolist() == pytest.approx([1, -1])


def test_turned_edge_detectors_are_edges() -> None:
    bank = banked(EdgeGaussianBank.kernels)[:6]
    turned = torch.cat([torch.rot90(bank, 1, (1, 2)), bank.mT, bank.flip(2)])
    assert set(label_kernels(turned)[0]) == {"edge"}


def test_what_is_in_no_bank_is_other() -> None:
    labels, cosines = label_kernels(torch.stack([SHIFT, BAR * SHIFT, torch.zeros(3, 3)]))
    assert labels == ("other", "other", "other")
    assert cosines[2] == 0


def test_the_surroundings_tell_identity_gaussian_and_laplacian_apart() -> None:
    cross = torch.tensor([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]])
    peaks = torch.stack([IDENTITY + share / 4 * cross for share in (-1, -0.1, 0, 0.1, 1.0)])
    assert label_kernels(peaks)[0] == ("edge", "identity", "identity", "identity", "gaussian")


@pytest.mark.parametrize(
    ("kernel", "label"),
    [
        (IDENTITY, "identity"),
        (banked(EdgeGaussianBank.kernels)[6], "gaussian"),
        (banked(EdgeGaussianBank.kernels)[7], "gaussian"),
        *((kernel, "edge") for kernel in banked(EdgeGaussianBank.kernels)[:6]),
    ],
)
def test_labels_stand_noise_of_three_tenths_of_the_norm(kernel: torch.Tensor, label: str) -> None:
    labels, _ = label_kernels(noisy(kernel, 0.3))
    assert labels.count(label) >= 0.95 * len(labels)


@pytest.mark.parametrize("size", [3, 5, 7])
def test_noise_seldom_has_a_label(size: int) -> None:
    shares = chance_shares(size)
    assert tuple(shares) == LABELS
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["other"] > 0.94


def test_chance_shares_of_3x3_kernels_are_those_the_documentation_states() -> None:
    shares = chance_shares(3)
    assert shares["identity"] == pytest.approx(0.003, abs=0.001)
    assert shares["gaussian"] == pytest.approx(0.011, abs=0.002)
    assert shares["edge"] == pytest.approx(0.033, abs=0.003)


def test_there_are_eight_directions_of_edges() -> None:
    # Two Sobel, two Laplace, and the skew one in four positions: all others are their negatives.
    names, bank = prototypes(3)
    assert names == ("identity",) + ("gaussian",) * 4 + ("edge",) * 8
    torch.testing.assert_close(bank.flatten(1).norm(dim=1), torch.ones(13, dtype=torch.float64))


def test_larger_kernels_have_wider_prototypes() -> None:
    squares = torch.arange(-2.0, 3) ** 2
    row = torch.exp(-squares / (2 * 2.0**2))
    sobel = torch.nn.functional.pad(banked(EdgeBank.kernels)[:1], (1, 1, 1, 1))
    ramp = torch.arange(-2.0, 3).expand(5, 5) * (row * row[:, None])
    identity = torch.zeros(5, 5)
    identity[2, 2] = 1

    labels, _ = label_kernels(torch.stack([identity, row * row[:, None], sobel[0], ramp]))

    assert labels == ("identity", "gaussian", "edge", "edge")
