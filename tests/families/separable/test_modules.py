"""The depthwise separable block, step by step."""

from __future__ import annotations

import torch
from torch.nn import functional

from nas.arch import Slot
from nas.families.separable.options import Separable
from nas.model import instantiate


def test_each_convolution_is_normalised_and_activated() -> None:
    torch.manual_seed(0)
    block = instantiate(Separable(groups=2).call(Slot("block", 8, 16, 2, "relu"))).eval()
    x = torch.randn(2, 8, 7, 7)
    y = functional.conv2d(x, block.depthwise.weight, stride=2, padding=1, groups=8)
    y = block.depthwise_norm(y).relu()
    y = functional.conv2d(y, block.pointwise.weight, groups=2)
    assert torch.equal(block(x), block.pointwise_norm(y).relu())


def test_standard_and_separable_parameters_at_the_paper_s_example() -> None:
    """Table 3: 3x3 from 512 to 512 channels has 2.36 M weights, separable 0.27 M."""
    block = instantiate(Separable().call(Slot("block", 512, 512, 1, "relu")))
    assert block.depthwise.weight.numel() + block.pointwise.weight.numel() == 266_752
