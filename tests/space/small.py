"""Model files small enough to count by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from nas.arch import Activation
from nas.errors import ModelFileError
from nas.space import parse_space

if TYPE_CHECKING:
    from nas.space import SearchSpace

FILE = """\
name: example
stem: {conv: {channels: 8}}
stages:
  - channels: {choice: [8, 16]}
    transition: conv
    block: {conv: {groups: 1}}
head: gap_linear
"""
"""A legal space with one open value, each key on a line of its own."""
CHOICE = "{choice: [8, 16]}"
CONV = "{conv: {groups: 1}}"
"""Pieces of `FILE` to put others in the place of."""
ACTIVATIONS = ", ".join(get_args(Activation))
"""As errors list them."""


def read(text: str, *overrides: str) -> SearchSpace:
    return parse_space(text, source="f.yaml", name="f", overrides=overrides)


def edited(old: str, new: str) -> str:
    """`FILE` with one piece of its text replaced."""
    assert FILE.count(old) == 1
    return FILE.replace(old, new)


def message(text: str) -> str:
    """What reading the file ends in."""
    with pytest.raises(ModelFileError) as caught:
        read(text)
    return str(caught.value)


CONDITIONAL = """\
stem: {conv: {channels: 8}}
stages:
  - channels: 8
    depth: {range: [1, 3]}
    block:
      choice:
        - lru: {reuse: {choice: [1, 2, 4]}, groups: {choice: [1, 2]}}
        - half_identity: {identity_ratio: {choice: [0.25, 0.5]}}
        - conv
head: gap_linear
"""
"""3 depths x (3 x 2 + 2 + 1) blocks = 27 settings, all of them legal."""

NESTED = """\
stem: {conv: {channels: {choice: [8, {range: [16, 24], step: 4}]}}}
stages:
  - channels: 48
    transition: separable
    block:
      choice:
        - conv
        - choice:
            - separable
            - lru: {reuse: {choice: [2, 3]}}
            - lru: {reuse: {choice: [2, 4]}, groups: 4}
head: gap_linear
"""
"""(1 + 3) stems x (1 + (1 + 2 + 2)) blocks = 24 settings."""

TIED = """\
stem: {conv: {channels: 8, activation: {tied: activation}}}
stages:
  - channels: 8
    block:
      choice:
        - conv: {kernel: {tied: kernel}}
        - separable: {kernel: {tied: kernel}}
        - lru: {reuse: {choice: [2, 4]}}
  - channels: 8
    block:
      choice:
        - conv: {kernel: {tied: kernel}}
        - {tied: shared}
head: gap_linear
tied:
  activation: {choice: [relu, silu]}
  kernel: {choice: [3, 5, 7]}
  shared: {choice: [{lru: {reuse: {choice: [2, 4]}}}, {separable: {kernel: {tied: kernel}}}]}
"""
"""2 activations x (12 + 15) settings of the blocks.

Stage 1 is conv or separable of one kernel, or one of 2 lru; stage 2 is conv of the same kernel,
one of 2 lru, or separable of the same kernel. Stage 1 with a kernel: 2 kinds x 3 kernels x 4 = 24.
Stage 1 lru: 2 x (3 + 2 + 3) = 16. Together 40, and 80 with the activations.
"""

SCALED = """\
stem: {conv: {channels: {tied: w}}}
stages:
  - {channels: {tied: w}, block: conv}
  - {channels: {tied: w, times: 2}, stride: 2, block: conv}
  - channels: {tied: w, times: 1.5}
    block: {inverted: {expansion: {tied: w, times: 0.125}}}
head: gap_linear
tied: {w: {choice: [8, {range: [16, 32], step: 16}]}}
"""

SHARED = """\
stem: {conv: {channels: 8}}
stages:
  - channels: 8
    block: {lru: {reuse: 2, groups: 1}}
    sharing: {scope: stage, ring: {choice: [20, 30]}, kinds: [pointwise]}
  - {channels: 8, depth: 2, block: conv}
head: gap_linear
sharing:
  - {scope: network, ratio: {choice: [0.25, 0.5]}, kinds: [spatial]}
  - {scope: layer, ratio: 0.5, private: [stem]}
"""
