from __future__ import annotations

import pytest
import torch

from nas.train import proxy_seed, seeded


def test_seed_follows_from_id_and_base_alone() -> None:
    assert proxy_seed("abc", 1) == proxy_seed("abc", 1)
    assert len({proxy_seed(arch, base) for arch in ("abc", "abd") for base in (1, 2, 11)}) == 6


def test_seed_fits_every_generator() -> None:
    assert all(0 <= proxy_seed(str(number), 0) < 2**63 for number in range(100))


def test_seeded_block_draws_the_same_and_gives_the_state_back() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)

    with seeded(9):
        first = torch.rand(3)
    after = torch.rand(3)
    with seeded(9):
        second = torch.rand(3)

    assert torch.equal(first, second)
    assert torch.equal(after, expected)


def test_state_comes_back_after_an_error() -> None:
    state = torch.get_rng_state()

    with pytest.raises(ValueError, match="stop"), seeded(9):
        torch.rand(3)
        raise ValueError("stop")

    assert torch.equal(torch.get_rng_state(), state)
