"""Model files small enough to count by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def read(text: str, *overrides: str) -> SearchSpace:
    return parse_space(text, source="f.yaml", name="f", overrides=overrides)


def edited(old: str, new: str) -> str:
    """`FILE` with one piece of its text replaced."""
    assert FILE.count(old) == 1
    return FILE.replace(old, new)


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
