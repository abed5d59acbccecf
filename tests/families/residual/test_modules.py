"""ResNet's blocks against torchvision's own, with the same weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models import resnet as reference

from nas.arch import Slot
from nas.families.residual.options import Bottleneck, Residual, ResnetStem
from nas.model import instantiate


def same_weights(ours: nn.Module, theirs: nn.Module, order: list[str]) -> None:
    """Copy our weights into `theirs`, whose children hold them in `order`."""
    values = [value for name, value in ours.state_dict().items() if "num_batches" not in name]
    targets = [
        value
        for child in order
        for name, value in theirs.get_submodule(child).state_dict().items()
        if "num_batches" not in name
    ]
    for target, value in zip(targets, values, strict=True):
        target.copy_(value)


def downsample(c_in: int, c_out: int, stride: int) -> nn.Module | None:
    if c_in == c_out and stride == 1:
        return None
    return nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))


@pytest.mark.parametrize(
    ("c_in", "c_out", "stride"), [(8, 8, 1), (8, 16, 2), (8, 16, 1), (8, 8, 2)]
)
def test_basic_block(c_in: int, c_out: int, stride: int) -> None:
    torch.manual_seed(0)
    call = Residual().call(Slot("block", c_in, c_out, stride, "relu"))
    ours = instantiate(call).eval()
    theirs = reference.BasicBlock(c_in, c_out, stride, downsample(c_in, c_out, stride)).eval()
    first = ["downsample"] if theirs.downsample else []
    same_weights(ours, theirs, [*first, "conv1", "bn1", "conv2", "bn2"])
    x = torch.randn(2, c_in, 7, 7)
    assert torch.equal(ours(x), theirs(x))


@pytest.mark.parametrize(("c_in", "c_out", "stride"), [(32, 32, 1), (16, 32, 1), (16, 32, 2)])
@pytest.mark.parametrize("groups", [1, 4])
def test_bottleneck(c_in: int, c_out: int, stride: int, groups: int) -> None:
    torch.manual_seed(0)
    call = Bottleneck(groups=groups).call(Slot("block", c_in, c_out, stride, "relu"))
    ours = instantiate(call).eval()
    theirs = reference.Bottleneck(
        c_in,
        c_out // 4,
        stride,
        downsample(c_in, c_out, stride),
        groups=groups,
        base_width=64 // groups,
    ).eval()
    first = ["downsample"] if theirs.downsample else []
    same_weights(ours, theirs, [*first, "conv1", "bn1", "conv2", "bn2", "conv3", "bn3"])
    x = torch.randn(2, c_in, 7, 7)
    assert torch.equal(ours(x), theirs(x))


def test_stem_quarters_the_map() -> None:
    call = ResnetStem().call(Slot("stem", 3, 64, 1, "relu"))
    assert instantiate(call)(torch.randn(1, 3, 224, 224)).shape == (1, 64, 56, 56)
