"""Several heads at once: counts and outputs of a network written by hand, files, and training."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from nas.arch import Sharing, summarize
from nas.components import Call, Slot
from nas.cost import cost_of, measure_cost, output_shapes, working_memory
from nas.drawing import diagram_of, draw_svg
from nas.errors import IllegalArchitecture
from nas.export import Provenance, emit_module
from nas.families.multi.options import MultiHead
from nas.latency import Workload, deploy, deployable
from nas.model import build_model, joined
from nas.space import dump_architecture, load_architecture, parse_space
from nas.train import head_fault

if TYPE_CHECKING:
    from nas.arch import Architecture

MODEL = """\
stem: {conv: {channels: 8, stride: 2}}
stages: [{channels: 12, stride: 2, block: conv}]
head:
  multi:
    heads:
      - {name: joints, outputs: 6, head: {gap_linear: {dropout: 0.1}}}
      - {name: parts, outputs: 3, head: {segmentation: {hidden: 5, upsample: 4}}}
      - {name: depth, outputs: 1, head: {pixels: {upsample: 2}}}
"""
IMAGE = (3, 16, 16)


def network(text: str = MODEL, *overrides: str) -> Architecture:
    return parse_space(text, source="multi.yaml", name="multi", overrides=overrides).decode(())


class ByHand(nn.Module):
    """The same network, as one would write it."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU(),
        )  # fmt: skip
        self.joints = nn.Linear(12, 6)
        self.parts = nn.Sequential(
            nn.Conv2d(12, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5), nn.ReLU(),
            nn.Conv2d(5, 3, 1), nn.Upsample(scale_factor=4, mode="bilinear"),
        )  # fmt: skip
        self.depth = nn.Sequential(
            nn.Conv2d(12, 1, 1), nn.Upsample(scale_factor=2, mode="bilinear")
        )

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        x = self.trunk(images)
        return self.joints(x.mean((2, 3))), self.parts(x), self.depth(x)


def test_counts_and_outputs_are_those_of_the_network_by_hand() -> None:
    arch, by_hand = network(), ByHand()
    model = build_model(arch, in_channels=3, num_classes=10)
    by_hand.load_state_dict(
        dict(zip(by_hand.state_dict(), model.state_dict().values(), strict=True))
    )
    images = torch.randn(2, *IMAGE)
    with FlopCounterMode(display=False) as flops:
        expected = by_hand.eval()(images[:1])
    cost = cost_of(arch, input_shape=IMAGE, num_classes=10)
    assert cost.params == sum(p.numel() for p in by_hand.parameters())
    assert cost.macs == flops.get_total_flops() // 2
    made = model.eval()(images)
    assert [tuple(one.shape) for one in made] == [(2, 6), (2, 3, 16, 16), (2, 1, 8, 8)]
    for one, wanted in zip(made, by_hand(images), strict=True):
        assert torch.equal(one, wanted)
    assert [tuple(one.shape[1:]) for one in expected] == [(6,), (3, 16, 16), (1, 8, 8)]
    assert cost == measure_cost(model, input_shape=IMAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers(MultiHead):
    """As a plug-in may have it: several heads in a class of its own."""

    def call(self, slot: Slot) -> Call:
        return Call("Answers", MultiHead.call(self, slot).arguments)


def test_heads_are_known_by_their_record_and_not_by_the_name_of_a_class() -> None:
    arch = network()
    other = replace(arch, head=Answers(heads=arch.head.heads))  # type: ignore[attr-defined]
    assert other.id != arch.id
    made = output_shapes(other, input_shape=IMAGE, num_classes=10)
    assert made == (("joints", (6, 1, 1)), ("parts", (3, 16, 16)), ("depth", (1, 8, 8)))


def test_all_outputs_are_there_in_the_end() -> None:
    """The largest moment: the map is upsampled while the first head's output waits."""
    cost = cost_of(network(), input_shape=IMAGE, num_classes=10)
    trunk, joints, parts, enlarged = 12 * 4 * 4, 6, 3 * 4 * 4, 3 * 16 * 16
    first = 3 * 16 * 16 + 8 * 8 * 8  # image and stem
    assert cost.peak_activation_bytes == 4 * max(first, trunk + joints + parts + enlarged)
    memory = working_memory(network(), input_shape=IMAGE, num_classes=10)
    assert memory.int8_munas_peak_bytes >= joints + enlarged + 8 * 8


def test_rpg_s_form_of_several_tasks_has_one_ring_for_all() -> None:
    """ResNet-18 out of one ring; each head's last layer has weights of its own."""
    heads = network(
        "stem: {conv: {channels: 4}}\nstages: [{channels: 4, block: conv}]\n"
        "head: {multi: {heads: [{name: one, outputs: 3, head: gap_linear}, "
        "{name: two, outputs: 21, head: {segmentation: {hidden: 64}}}]}}"
    ).head
    published = load_architecture("resnet18_rpg")
    assert isinstance(published.sharing, Sharing)
    sharing = replace(published.sharing, private=("stem", "classifier"))
    single = replace(published, sharing=sharing)
    several = replace(single, head=heads)
    one, both = (
        cost_of(arch, input_shape=(3, 64, 64), num_classes=1000) for arch in (single, several)
    )
    private = (512 * 3 + 3) + (2 * 64) + (64 * 21 + 21)
    assert both.params - both.ring_params == (
        one.params - one.ring_params - (512 * 1000 + 1000) + private
    )
    assert both.generated_params == one.generated_params + 9 * 512 * 64
    model = build_model(several, in_channels=3, num_classes=1000)
    assert both == measure_cost(model, input_shape=(3, 64, 64))


def test_files_say_what_heads_there_are() -> None:
    arch = network()
    again = parse_space(dump_architecture(arch), source="again.yaml", name="multi").decode(())
    assert again == arch
    assert summarize(arch).endswith(
        "multi(joints 6 gap_linear(dropout=0.1), parts 3 segmentation(hidden=5, upsample=4), "
        "depth 1 pixels(upsample=2))"
    )
    assert output_shapes(arch, input_shape=IMAGE, num_classes=10) == (
        ("joints", (6, 1, 1)),
        ("parts", (3, 16, 16)),
        ("depth", (1, 8, 8)),
    )
    svg = draw_svg(diagram_of(arch, input_shape=IMAGE, num_classes=10))
    assert all(words in svg for words in ("6 joints", "3 parts", "1 depth"))


def test_an_exported_file_gives_every_output() -> None:
    arch = network()
    provenance = Provenance(claim="", origin="", preprocessing="", weights_file=None)
    source = emit_module(arch, input_shape=IMAGE, num_classes=10, provenance=provenance)
    assert "-> (B, 6) joints, (B, 3, 16, 16) parts, (B, 1, 8, 8) depth." in source
    assert "def forward(self, images: Tensor) -> tuple[Tensor, ...]:" in source
    namespace: dict[str, type[nn.Module]] = {}
    exec(compile(source, "exported", "exec"), namespace)
    exported = namespace["Multi"]().eval()
    model = build_model(arch, in_channels=3, num_classes=10).eval()
    exported.load_state_dict(model.state_dict())
    images = torch.randn(2, *IMAGE)
    assert torch.equal(joined(exported(images)), joined(model(images)))


def test_onnx_outputs_have_the_heads_names() -> None:
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    from nas.quantize import network_onnx, open_session

    model = build_model(network(), in_channels=3, num_classes=10).eval()
    content = network_onnx(model, IMAGE)
    assert runtime and [one.name for one in onnx.load(io.BytesIO(content)).graph.output] == [
        "joints",
        "parts",
        "depth",
    ]
    images = torch.randn(3, *IMAGE)
    made = open_session(content).run(["depth", "joints"], {"images": images.numpy()})
    joints, _, depth = model(images)
    torch.testing.assert_close(torch.from_numpy(made[0]), depth.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.from_numpy(made[1]), joints.detach(), rtol=1e-4, atol=1e-5)
    one = Workload(arch=network(), input_shape=IMAGE, num_classes=10)
    with torch.inference_mode():
        expected = joined(deployable(one)(images[:1]))
    found = deploy(one).logits(images[:1])
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_every_value_may_be_open() -> None:
    text = MODEL.replace("outputs: 6", "outputs: {choice: [6, 7]}").replace(
        "hidden: 5", "hidden: {choice: [4, 5]}"
    )
    space = parse_space(text, source="multi.yaml", name="multi")
    assert [gene.name for gene in space.genes] == [
        "head.multi.heads.0.outputs",
        "head.multi.heads.1.head.segmentation.hidden",
    ]
    assert (
        network(
            text, "head.multi.heads.0.outputs=6", "head.multi.heads.1.head.segmentation.hidden=5"
        )
        == network()
    )


def test_width_scales_what_is_inside_heads() -> None:
    text = MODEL.replace("{gap_linear: {dropout: 0.1}}", "{vgnet: {}}").replace(
        "stages", "width: 2\nstages"
    )
    arch = network(text)
    assert arch.calls(in_channels=3, num_classes=10)[-1].kwargs["joints"].kwargs["channels"] == 24  # type: ignore[union-attr]
    cost = cost_of(arch, input_shape=IMAGE, num_classes=10)
    model = build_model(arch, in_channels=3, num_classes=10)
    assert cost == measure_cost(model, input_shape=IMAGE)


def test_order_names_and_numbers_are_part_of_the_network() -> None:
    others = (
        MODEL.replace("outputs: 6", "outputs: 7"),
        MODEL.replace("joints", "points"),
        MODEL.replace("{gap_linear: {dropout: 0.1}}", "gap_linear"),
        "\n".join([*MODEL.splitlines()[:5], *reversed(MODEL.splitlines()[5:])]),
    )
    assert len({network(text).id for text in (MODEL, *others)}) == 5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: depth", "name: parts", "2 heads are called parts; give each a name"),
        ("name: depth", "name: class", "name 'class': use letters, digits and underscores"),
        ("name: depth", "name: images", "the input's name"),
        ("name: depth", "name: 1st", "no digit first"),
        (
            "{pixels: {upsample: 2}}",
            "{multi: {heads: [{name: a, outputs: 1, head: gap_linear}, "
            "{name: b, outputs: 1, head: gap_linear}]}}",
            r"head.multi.heads.2.head.multi: several heads within one of several; list them all",
        ),
        ("{pixels: {upsample: 2}}", "{flatten: {size: 3}}", "head.flatten.size: 3x3 pixels"),
    ],
)
def test_what_cannot_be_built_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(IllegalArchitecture, match=message):
        cost_of(network(MODEL.replace(old, new)), input_shape=IMAGE, num_classes=10)


def test_one_head_is_not_several() -> None:
    text = "\n".join(MODEL.splitlines()[:6])
    with pytest.raises(IllegalArchitecture, match="one head alone; write it as the network's"):
        _ = network(text).id


FLAT = """\
stem: {conv: {channels: 4}}
stages: [{channels: 4, block: conv}]
head:
  multi:
    heads:
      - {name: left, outputs: 1, head: gap_linear}
      - {name: right, outputs: 2, head: {vgnet: {chunks: 1}}}
"""


@pytest.mark.parametrize(
    ("text", "task", "count", "fault"),
    [
        (FLAT, "regression", 3, None),
        (FLAT, "multilabel", 3, None),
        (FLAT, "regression", 4, "4 outputs in all, and the heads have 3"),
        (FLAT, "classification", 3, "a single head; several learn from data with numbers"),
        (MODEL, "regression", 10, "heads for the whole image; parts, depth answers for each"),
        (MODEL, "segmentation", 10, "a single head"),
    ],
)
def test_what_several_heads_can_learn(text: str, task: str, count: int, fault: str | None) -> None:
    found = head_fault(network(text).head, task, count)
    assert found == fault if fault is None else fault in str(found)
