from __future__ import annotations

import pytest

from nas.report import references_for


@pytest.mark.parametrize("dataset", ["fashion_mnist", "cifar10", "cifar100"])
def test_published_networks_are_plausible(dataset: str) -> None:
    references = references_for(dataset)

    assert len({one.model for one in references}) == len(references) == 6
    for one in references:
        assert 0.5 < one.accuracy < 1
        assert 1e5 < one.params < 1e6
        assert 1e6 < one.macs < 2e8
        assert one.source


def test_lrunet_has_the_figures_of_its_checkpoint() -> None:
    # Parameters by the formula of the architecture: 124,992 weights, 10 biases, and batch
    # normalisation of 640 + 5,760 N; MACs 518,144 + 2,498,560 N; both for N = 14.
    (one,) = (one for one in references_for("cifar10") if one.model == "14-LruNet-1x")

    assert one.params == 124_992 + 10 + 640 + 5_760 * 14
    assert one.macs == 518_144 + 2_498_560 * 14
    assert (one.accuracy, one.macs_px) == (0.8934, 32)


def test_other_data_have_no_references() -> None:
    assert references_for("mnist") == ()
