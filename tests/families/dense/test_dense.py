"""Dense prediction: shapes and counts by hand, skips, and MGIC's segmentation trunk."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nas.cost import cost_of, measure_cost, part_cost
from nas.errors import IllegalArchitecture
from nas.export import Provenance, emit_module
from nas.model import build_model
from nas.space import load_architecture, parse_space

UNET = """\
stem: {conv: {channels: 4, stride: 1}}
stages: [{channels: 4, block: {unet: {levels: 2}}}]
head: segmentation
"""


def unit(before: int, after: int) -> int:
    return 9 * before * after + 2 * after


def test_a_unet_counts_what_its_levels_do() -> None:
    arch = parse_space(UNET, source="f.yaml", name="f").decode(())
    exact = cost_of(arch, input_shape=(3, 8, 8), num_classes=5)
    down = [unit(3, 4), unit(4, 4), unit(4, 8), unit(8, 16)]
    up = [unit(8 + 16, 8), unit(4 + 8, 4)]
    assert exact.params == sum(down) + sum(up) + 4 * 5 + 5
    pixels = 64
    assert (
        exact.macs
        == 9
        * (
            pixels * (3 * 4 + 4 * 4 + 12 * 4)
            + pixels // 4 * (4 * 8 + 24 * 8)
            + pixels // 16 * 8 * 16
        )
        + pixels * 4 * 5
    )
    model = build_model(arch, in_channels=3, num_classes=5).eval()
    assert model(torch.zeros(2, 3, 8, 8)).shape == (2, 5, 8, 8)
    assert exact == measure_cost(model, input_shape=(3, 8, 8))


@pytest.mark.parametrize("sides", [(8, 8), (9, 7), (5, 12)])
def test_odd_maps_come_back_at_their_size(sides: tuple[int, int]) -> None:
    arch = parse_space(UNET, source="f.yaml", name="f").decode(())
    model = build_model(arch, in_channels=3, num_classes=5)
    assert model(torch.zeros(2, 3, *sides)).shape == (2, 5, *sides)
    exact = cost_of(arch, input_shape=(3, *sides), num_classes=5)
    assert exact == measure_cost(model, input_shape=(3, *sides))


def test_a_skip_goes_around_the_inner_levels() -> None:
    """With what comes back from below zeroed, the image still reaches the output."""
    arch = parse_space(UNET, source="f.yaml", name="f").decode(())
    model = build_model(arch, in_channels=3, num_classes=5).eval()
    for parameter in model.body[0].inner.parameters():
        nn.init.zeros_(parameter)
    one, other = torch.randn(2, 1, 3, 8, 8)
    assert not torch.equal(model(one), model(other))


def test_an_encoder_and_a_decoder_of_stages() -> None:
    text = (
        "stem: {conv: {channels: 4, stride: 1}}\n"
        "stages:\n"
        "  - {channels: 8, stride: 2, block: conv}\n"
        "  - {channels: 8, block: {conv: {dilation: 2}}}\n"
        "  - {channels: 4, depth: 0, transition: upsample}\n"
        "head: {segmentation: {hidden: 6, upsample: 2}}\n"
    )
    arch = parse_space(text, source="f.yaml", name="f").decode(())
    exact = cost_of(arch, input_shape=(3, 8, 8), num_classes=5)
    assert exact.params == unit(3, 4) + unit(4, 8) + unit(8, 8) + 8 * 4 + 8 + unit(4, 6) + 35
    model = build_model(arch, in_channels=3, num_classes=5)
    assert model(torch.zeros(2, 3, 8, 8)).shape == (2, 5, 16, 16)
    assert exact == measure_cost(model, input_shape=(3, 8, 8))


@pytest.mark.parametrize(
    ("stage", "head", "message"),
    [
        ("{channels: 8, block: unet}", "segmentation", "unet keeps its shape"),
        ("{channels: 4, stride: 2, transition: upsample, block: conv}", "segmentation",
         "upsample makes the map larger"),
        ("{channels: 4, block: conv}", "{segmentation: {context: lraspp}}", "write hidden: 128"),
    ],
)  # fmt: skip
def test_what_cannot_be_built(stage: str, head: str, message: str) -> None:
    text = f"stem: {{conv: {{channels: 4}}}}\nstages: [{stage}]\nhead: {head}\n"
    with pytest.raises(IllegalArchitecture, match=message):
        _ = parse_space(text, source="f.yaml", name="f").decode(()).id


def test_mgic_s_trunk_has_the_parameters_of_the_authors_code() -> None:
    """1,019,984 at group size and threshold 64, counted in the instantiated release."""
    arch = load_architecture("mgic_segmentation")
    shape, params = (3, 64, 64), 0
    *trunk, head = arch.calls(in_channels=3, num_classes=19)
    for call in trunk:
        part = part_cost(call, shape)
        params, shape = params + part.params, part.out_shape
    assert params == 1_019_984
    assert shape == (160, 8, 8), "stride 8 in all"
    assert part_cost(head, shape).params == 2 * 160 * 128 + 256 + 128 * 19 + 19
    assert part_cost(head, shape).out_shape == (19, 64, 64)


def test_exported_code_says_that_every_pixel_has_logits() -> None:
    arch = parse_space(UNET, source="f.yaml", name="f").decode(())
    provenance = Provenance(claim="", origin="", preprocessing="", weights_file=None)
    source = emit_module(arch, input_shape=(3, 8, 8), num_classes=5, provenance=provenance)
    assert "(B, 3, 8, 8) images -> (B, 5, 8, 8) logits" in source
