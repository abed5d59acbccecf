"""Small networks of several families, and data that fit them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from nas.data import ImageData, Images
from nas.space import parse_space

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.arch import Architecture

VGNET = """
stem: {conv: {channels: 8, stride: 1}}
stages:
  - channels: 16
    depth: 2
    stride: 2
    transition: {vgnet_downsampling: {kernels: gaussian}}
    block: half_identity
  - {channels: 32, depth: 1, stride: 2, transition: {vgnet_downsampling: {kernels: learned}},
     block: {half_identity: {kernels: edge_gaussian}}}
head: {vgnet: {chunks: 8}}
"""
LRU = """
stem: {conv: {channels: 8, stride: 1}}
stages:
  - {channels: 16, depth: 1, stride: 2, transition: maxpool_concat, block: {lru: {reuse: 3}}}
head: gap_linear
"""
MOBILE = """
stem: {conv: {channels: 8, stride: 1}}
stages:
  - {channels: 16, depth: 2, stride: 2, block: {inverted: {expansion: 2, kernel: 5}}}
  - {channels: 16, depth: 1, stride: 1, block: separable}
head: gap_linear
"""
PLAIN = """
stem: {conv: {channels: 8, stride: 1}}
stages:
  - {channels: 16, depth: 2, stride: 2, block: residual}
head: gap_linear
"""
RING = PLAIN.replace("residual", "separable") + "sharing: {scope: network, ring: 100}\n"
REUSED = PLAIN.replace("residual", "{separable: {reuse: 3}}")
MGIC = """
stem: {conv: {channels: 16, stride: 1}}
stages:
  - {channels: 32, depth: 1, stride: 2,
     block: {mgic_mobile: {group_size: 8, threshold: 8, expansion: 2}}}
head: gap_linear
"""
FAMILIES = {
    "vgnet": VGNET,
    "lru": LRU,
    "mobile": MOBILE,
    "plain": PLAIN,
    "ring": RING,
    "duplicate": REUSED,
    "mgic": MGIC,
}


def network_of(text: str, name: str = "small") -> Architecture:
    """The architecture that a model file's text describes."""
    return parse_space(text, source=f"{name}.yaml", name=name).decode(())


def noise_images(count: int = 40, side: int = 12) -> ImageData:
    """Grey noise in two classes."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (count, 1, side, side), generator=generator).to(torch.uint8)
    images = Images(pixels=pixels, labels=torch.arange(count) % 2)
    return ImageData(
        name="noise",
        class_names=("a", "b"),
        flip=False,
        mean=(0.5,),
        std=(0.3,),
        train=images,
        val=images,
    )


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors gain nothing from more, and other tests run beside."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
