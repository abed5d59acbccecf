"""Small networks of the zoo against the same networks written by hand in torch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nas.cost import cost_of, measure_cost
from nas.errors import IllegalArchitecture
from nas.model import build_model
from nas.space import load_architecture, parse_space

LENET_HEAD = (
    nn.Flatten,
    lambda: nn.Linear(256, 120),
    nn.ReLU,
    lambda: nn.Linear(120, 84),
    nn.ReLU,
    lambda: nn.Linear(84, 10),
)


def lenet(*, depthwise: bool, norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in ((1, 6), (6, 16)):
        if depthwise:
            layers += [nn.Conv2d(before, before, 5, groups=before), nn.Conv2d(before, after, 1)]
        else:
            layers += [nn.Conv2d(before, after, 5)]
        layers += [nn.ReLU(), *([nn.BatchNorm2d(after)] if norm else []), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, *(make() for make in LENET_HEAD))


def ds_cnn() -> nn.Sequential:
    def normed(*conv: int | tuple[int, int], groups: int = 1, pad: tuple[int, ...] = ()) -> list:
        before, after, kernel, stride = conv
        layers = [nn.ZeroPad2d(pad)] if pad else []
        padding = 0 if pad or kernel == 1 else 1
        made = nn.Conv2d(before, after, kernel, stride, padding, groups=groups, bias=False)
        return [*layers, made, nn.BatchNorm2d(after), nn.ReLU()]

    layers = normed(1, 64, (10, 4), 2, pad=(1, 2, 4, 5))
    for _ in range(4):
        layers += [*normed(64, 64, 3, 1, groups=64), *normed(64, 64, 1, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 12))


class OptionA(nn.Module):
    """A basic block of the CIFAR ResNets: new channels are zeros behind the old ones."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.stride, self.new = stride, after - before
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))
        kept = x[:, :, :: self.stride, :: self.stride]
        zeros = kept.new_zeros(kept.shape[0], self.new, *kept.shape[2:])
        return (y + torch.cat((kept, zeros), dim=1)).relu()


def resnet20() -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
    ]  # fmt: skip
    before = 16
    for width in (16, 32, 64):
        for turn in range(3):
            layers.append(OptionA(before, width, 2 if turn == 0 and width > 16 else 1))
            before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


CASES = {
    "lenet": (lenet(depthwise=False, norm=False), (1, 28, 28), 10),
    "lenet_bn": (lenet(depthwise=False, norm=True), (1, 28, 28), 10),
    "lenet_depthwise": (lenet(depthwise=True, norm=False), (1, 28, 28), 10),
    "lenet_depthwise_bn": (lenet(depthwise=True, norm=True), (1, 28, 28), 10),
    "ds_cnn_kws_s": (ds_cnn(), (1, 49, 10), 12),
    "resnet20_cifar": (resnet20(), (3, 32, 32), 10),
}


@pytest.mark.parametrize("name", CASES)
def test_counts_and_outputs_are_those_of_the_hand_written_network(name: str) -> None:
    by_hand, shape, classes = CASES[name]
    arch = load_architecture(name)
    model = build_model(arch, in_channels=shape[0], num_classes=classes)
    state = zip(model.state_dict().items(), by_hand.state_dict().values(), strict=True)
    model.load_state_dict({key: value.reshape(own.shape) for (key, own), value in state})
    images = torch.randn(3, *shape)
    assert torch.equal(model.eval()(images), by_hand.eval()(images))
    exact = cost_of(arch, input_shape=shape, num_classes=classes)
    counted = measure_cost(by_hand, input_shape=shape)
    assert (exact.params, exact.macs) == (counted.params, counted.macs)
    assert exact == measure_cost(model, input_shape=shape)


def small(block: str, *, stem: str = "{conv: {channels: 8, stride: 1}}", stage: str = "") -> str:
    return f"stem: {stem}\nstages: [{{channels: 8, {stage} block: {block}}}]\nhead: gap_linear\n"


@pytest.mark.parametrize("activation", ["gelu", "elu", "leaky_relu", "mish", "prelu", "tanh"])
@pytest.mark.parametrize("block", ["conv", "separable", "{lru: {reuse: 3}}", "residual"])
def test_activations_count_and_run(activation: str, block: str) -> None:
    text = small(block, stage=f"depth: 2, activation: {activation},")
    arch = parse_space(text, source="f.yaml", name="f").decode(())
    model = build_model(arch, in_channels=3, num_classes=5)
    exact = cost_of(arch, input_shape=(3, 9, 9), num_classes=5)
    assert torch.isfinite(model(torch.randn(2, 3, 9, 9))).all()
    slopes = sum(p.numel() for p in model.parameters() if p.shape == (1,))
    assert slopes == (2 if activation == "prelu" else 0)
    assert exact == measure_cost(model, input_shape=(3, 9, 9))


def test_a_network_without_a_stem_and_a_stage_without_a_block() -> None:
    text = (
        "stem: none\n"
        "stages:\n"
        "  - {channels: 8, stride: 2, depth: 0, transition: conv}\n"
        "  - {channels: 12, block: conv}\n"
        "head: gap_linear\n"
    )
    arch = parse_space(text, source="f.yaml", name="f").decode(())
    same = parse_space(
        "stem: none\nstages:\n"
        "  - {channels: 8, stride: 2, block: conv}\n  - {channels: 12, block: conv}\n"
        "head: gap_linear\n",
        source="g.yaml",
        name="g",
    ).decode(())
    assert arch.id == same.id
    exact = cost_of(arch, input_shape=(3, 8, 8), num_classes=5)
    assert exact.params == 8 * 27 + 16 + 12 * 72 + 24 + 65
    assert exact.macs == 16 * 8 * 27 + 16 * 12 * 72 + 60
    model = build_model(arch, in_channels=3, num_classes=5)
    assert exact == measure_cost(model, input_shape=(3, 8, 8))


def test_signals_are_maps_of_one_row() -> None:
    """1 x 1 x N: kernels and strides of one direction."""
    text = (
        "stem: {conv: {channels: 8, kernel: 1x9, stride: 1x4}}\n"
        "stages:\n"
        "  - {channels: 16, stride: 1x2, block: {separable: {kernel: 1x5}}}\n"
        "  - {channels: 16, depth: 2, block: {conv: {kernel: 1x3, dilation: 2}}}\n"
        "head: gap_linear\n"
    )
    arch = parse_space(text, source="f.yaml", name="f").decode(())
    exact = cost_of(arch, input_shape=(1, 1, 400), num_classes=3)
    stem, separable, conv = 8 * 9 + 16, 8 * 5 + 16 + 8 * 16 + 32, 16 * 16 * 3 + 32
    assert exact.params == stem + separable + 2 * conv + 16 * 3 + 3
    assert exact.macs == 100 * 72 + 50 * (40 + 128) + 2 * 50 * 768 + 48
    model = build_model(arch, in_channels=1, num_classes=3)
    assert exact == measure_cost(model, input_shape=(1, 1, 400))


def test_a_pair_of_strides_is_refused_where_a_block_has_one() -> None:
    text = small("residual", stage="stride: 2x1,")
    with pytest.raises(IllegalArchitecture, match="residual strides alike down and across"):
        _ = parse_space(text, source="f.yaml", name="f").decode(()).id


def test_flatten_says_which_size_would_do() -> None:
    arch = load_architecture("lenet")
    with pytest.raises(IllegalArchitecture, match="write size: 5x5"):
        cost_of(arch, input_shape=(1, 32, 32), num_classes=10)


@pytest.mark.parametrize(
    ("plain", "spelled_out"),
    [
        ("{conv: {kernel: 1}}", "{conv: {kernel: 1, padding: valid, dilation: 3}}"),
        ("{conv: {kernel: 3}}", "{conv: {kernel: 3x3, order: conv_norm_act, pool: 1}}"),
        ("{lru: {reuse: 2, shuffle: interleave}}",
         "{lru: {reuse: 2, shuffle: interleave, shuffle_groups: 2, kernel: 3, multiplier: 2}}"),
        ("{lru: {reuse: 2, shuffle: none}}",
         "{lru: {reuse: 2, shuffle: interleave, shuffle_groups: 8}}"),
    ],
)  # fmt: skip
def test_what_makes_no_difference_makes_no_other_id(plain: str, spelled_out: str) -> None:
    ids = [
        parse_space(small(one), source="f.yaml", name="f").decode(()).id
        for one in (plain, spelled_out)
    ]
    assert ids[0] == ids[1]


def test_shuffles_over_any_number_of_groups() -> None:
    text = small("{lru: {reuse: 2, groups: 4, shuffle: interleave, shuffle_groups: 4}}")
    arch = parse_space(text, source="f.yaml", name="f").decode(())
    model = build_model(arch, in_channels=3, num_classes=5)
    x = torch.arange(8.0).view(1, 8, 1, 1)
    shuffled = model.body[0].shuffle(x).flatten().tolist()
    assert shuffled == [0, 2, 4, 6, 1, 3, 5, 7]
    assert cost_of(arch, input_shape=(3, 9, 9), num_classes=5) == measure_cost(
        model, input_shape=(3, 9, 9)
    )
