"""MobileNetV3's block and head against torchvision's own, with the same weights."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torchvision.models import mobilenetv3 as reference

from nas.arch import Slot
from nas.families.inverted.options import Inverted, MobileNetV3Head
from nas.model import instantiate


def copy_weights(ours: nn.Module, theirs: nn.Module) -> None:
    for target, value in zip(theirs.parameters(), ours.parameters(), strict=True):
        target.data.copy_(value.view_as(target))


@pytest.mark.parametrize("expansion", [1.0, 3.67])
@pytest.mark.parametrize("se", [False, True])
@pytest.mark.parametrize(("c_out", "stride"), [(24, 1), (24, 2), (40, 1)])
@pytest.mark.parametrize("activation", ["relu", "hardswish"])
def test_block(expansion: float, se: bool, c_out: int, stride: int, activation: str) -> None:
    torch.manual_seed(0)
    block = Inverted(kernel=5, expansion=expansion, se=se)
    ours = instantiate(block.call(Slot("block", 24, c_out, stride, activation))).eval()
    expanded = 24 if expansion == 1 else 88
    name = {"relu": "RE", "hardswish": "HS"}[activation]
    config = reference.InvertedResidualConfig(24, 5, expanded, c_out, se, name, stride, 1, 1.0)
    theirs = reference.InvertedResidual(config, nn.BatchNorm2d).eval()
    copy_weights(ours, theirs)
    x = torch.randn(2, 24, 7, 7)
    torch.testing.assert_close(ours(x), theirs(x))


def test_head() -> None:
    torch.manual_seed(0)
    head = MobileNetV3Head(hidden=32, activation="hardswish")
    ours = instantiate(head.call(Slot("head", 16, 10, 1, "relu"))).eval()
    config = reference.InvertedResidualConfig(16, 3, 16, 16, False, "RE", 1, 1, 1.0)
    norm = partial(nn.BatchNorm2d, eps=1e-5)
    theirs = reference.MobileNetV3([config], 32, num_classes=10, norm_layer=norm).eval()
    last = nn.Sequential(theirs.features[-1], theirs.avgpool, nn.Flatten(1), theirs.classifier)
    copy_weights(ours, last)
    x = torch.randn(2, 16, 7, 7)
    torch.testing.assert_close(ours(x), last(x))
