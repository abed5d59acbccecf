"""EdgeConv against its definition, point by point, and its counts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nas.cost import cost_of, measure_cost, part_cost
from nas.families import instantiate
from nas.families.points.modules import EdgeConv
from nas.model import build_model
from nas.quantize import network_onnx, open_session, run_onnx
from nas.space import parse_space

TEXT = """\
stem: none
stages:
  - {channels: 8, block: {edge_conv: {neighbours: 4}}}
  - {channels: 16, block: {edge_conv: {neighbours: 4, levels: 1, group_size: 4}}}
head: gap_linear
"""


def test_it_is_the_maximum_over_the_nearest_points() -> None:
    arch = parse_space(TEXT, source="f.yaml", name="f").decode(())
    call = arch.calls(in_channels=3, num_classes=5)[0]
    block = instantiate(call).eval()
    x = torch.randn(1, 3, 10, 1)
    points = x[0, :, :, 0].T
    expected = torch.empty(8, 10)
    for index, point in enumerate(points):
        nearest = ((points - point) ** 2).sum(1).argsort()[:4]
        edges = [torch.cat((point, points[other] - point)) for other in nearest]
        mixed = block.mix(torch.stack(edges, dim=1)[None, :, None])
        expected[:, index] = mixed[0, :, 0].amax(1)
    assert torch.allclose(block(x)[0, :, :, 0], expected, atol=1e-5)


def test_a_stride_keeps_every_second_point_and_sees_all() -> None:
    text = TEXT.replace("channels: 8,", "channels: 8, stride: 2,")
    dense = parse_space(TEXT, source="f.yaml", name="f").decode(())
    arch = parse_space(text, source="f.yaml", name="f").decode(())
    block = instantiate(arch.calls(in_channels=3, num_classes=5)[0]).eval()
    whole = instantiate(dense.calls(in_channels=3, num_classes=5)[0]).eval()
    whole.load_state_dict(block.state_dict())
    x = torch.randn(2, 3, 11, 1)
    torch.testing.assert_close(block(x), whole(x)[:, :, ::2])
    exact = cost_of(arch, input_shape=(3, 33, 1), num_classes=5)
    model = build_model(arch, in_channels=3, num_classes=5)
    assert exact == measure_cost(model, input_shape=(3, 33, 1))
    assert part_cost(arch.calls(in_channels=3, num_classes=5)[0], (3, 33, 1)).macs == (
        17 * 33 * 3 + 17 * 4 * 6 * 8
    )


def test_its_costs() -> None:
    arch = parse_space(TEXT, source="f.yaml", name="f").decode(())
    exact = cost_of(arch, input_shape=(3, 32, 1), num_classes=5)
    first = 6 * 8 + 16
    connector = 16 * 16 // 16 + 32
    level = 2 * 16 * 8 // 4 + 32 + (2 * 16 * 16 // 4 + 64) + (2 * 8 * 8 + 32)
    assert exact.params == first + connector + level + 16 * 5 + 5
    # The point hierarchy's closed form (its grid form with stencils of one tap).
    assert level == 2 * (16 - 8) * (3 * 4 + 6) + 2 * 8**2 + 4 * 8
    edges = 32 * 4
    graph = 32 * 32 * (3 + 8)
    kernels = 6 * 8 + 16 + 2 * 16 * 8 // 4 + 2 * 16 * 16 // 4 + 2 * 8 * 8
    assert exact.macs == graph + edges * kernels + 80
    model = build_model(arch, in_channels=3, num_classes=5)
    assert exact == measure_cost(model, input_shape=(3, 32, 1))


@pytest.mark.parametrize(("neighbours", "stride"), [(1, 1), (3, 1), (4, 2)])
def test_its_onnx_file_takes_any_number_of_clouds(neighbours: int, stride: int) -> None:
    """An ONNX file would keep the batch that it was written with wherever the code names it."""
    pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    block = EdgeConv(nn.Conv2d(6, 8, 1), neighbours, stride).eval()
    session = open_session(network_onnx(block, (3, 16, 1)))
    for clouds in (torch.randn(count, 3, 16, 1) for count in (1, 2, 5)):
        with torch.inference_mode():
            assert torch.allclose(run_onnx(session, clouds), block(clouds), atol=1e-5)
