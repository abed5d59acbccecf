"""Architectures in one line."""

from __future__ import annotations

import pytest

from nas.arch import summarize
from nas.space import load_architecture, parse_space

TEXT = """\
stem: {conv: {channels: 8}}
stages:
  - {channels: 16, depth: 3, transition: conv, block: {lru: {reuse: 8, groups: 8}}}
  - {channels: 32, depth: 1, block: {half_identity: {identity_ratio: 0.25, se: true}}}
head: {gap_linear: {dropout: 0.2}}
"""


def test_defaults_go_unsaid() -> None:
    arch = parse_space(
        TEXT.replace("  - {channels: 32", "  - {transition: conv, channels: 32"),
        source="f.yaml",
        name="f",
    ).decode(())
    assert summarize(arch) == (
        "8 > 16 lru(reuse=8) x3 > 32 half_identity(identity_ratio=0.25, se=True) "
        "> gap_linear(dropout=0.2)"
    )


@pytest.mark.parametrize("name", ["lrunet_14_1x", "mgic_resnet18", "vgnetg_1.0mp"])
def test_zoo_networks_fit_in_a_few_lines(name: str) -> None:
    summary = summarize(load_architecture(name))
    assert "\n" not in summary
    assert len(summary) < 600
