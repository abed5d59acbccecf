"""Signals of one row, and of several channels: counts by hand."""

from __future__ import annotations

import torch

from nas.cost import cost_of, measure_cost
from nas.model import build_model
from nas.space import parse_space

SIGNAL = """\
stem: {conv: {channels: 8, kernel: 1x9, stride: 1x2}}
stages:
  - {channels: 16, stride: 2, transition: maxpool_concat, block: {lru: {reuse: 2, groups: 4}}}
  - {channels: 24, stride: 1x2, block: {conv: {kernel: 1x3, pool: 1x2}}}
  - {channels: 24, stride: 2, block: separable}
head: gap_linear
"""


def test_a_row_goes_through_square_strides_and_pairs() -> None:
    """1 x 400 becomes 200, 100, then 50 pooled to 25, then 13; the row stays one."""
    arch = parse_space(SIGNAL, source="f.yaml", name="f").decode(())
    cost = cost_of(arch, input_shape=(3, 1, 400), num_classes=6)
    stem = 3 * 8 * 9
    lru = 32 * 9 + 16 * 32 // 4
    conv = 16 * 24 * 3
    depthwise, pointwise = 24 * 9, 24 * 24
    norms = 2 * (8 + 2 * (32 + 16) + 24 + 2 * 24)
    assert cost.params == stem + lru + conv + depthwise + pointwise + norms + 24 * 6 + 6
    assert cost.macs == (
        stem * 200 + 2 * lru * 100 + conv * 50 + (depthwise + pointwise) * 13 + 24 * 6
    )
    model = build_model(arch, in_channels=3, num_classes=6)
    assert model(torch.zeros(2, 3, 1, 400)).shape == (2, 6)
    assert measure_cost(model, input_shape=(3, 1, 400)) == cost
