from __future__ import annotations

from nas.cost import cost_of
from nas.space import parse_space

MODEL = """
stem: {conv: {channels: 8, stride: 1}}
stages:
  - {channels: 16, stride: 2, block: conv}
head: {pixels: {upsample: 2}}
"""


def test_costs_by_hand() -> None:
    arch = parse_space(MODEL, source="dense.yaml", name="dense").decode(())

    cost = cost_of(arch, input_shape=(1, 12, 20), num_classes=3)

    stem, stage = 8 * 9 + 16, 16 * 8 * 9 + 32
    assert cost.params == stem + stage + 16 * 3 + 3
    # Upsampling multiplies no weights.
    assert cost.macs == 8 * 9 * 240 + 16 * 8 * 9 * 60 + 16 * 3 * 60
    assert arch.head.is_dense
