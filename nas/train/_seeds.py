"""Seeds: every random draw of a trial follows from its architecture, none from its worker."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


def proxy_seed(arch_id: str, base: int) -> int:
    """Seed in [0, 2**63) of one architecture's training in a search with seed `base`.

    It follows from these two alone, so a result doesn't depend on which worker trained the
    network, nor when.
    """
    digest = hashlib.sha256(f"{base}:{arch_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run a block under torch's global generators seeded with `seed`, then put them back.

    For what draws from the global generators: weight initialisation and dropout.
    """
    # Only where CUDA is in use already: asking a device for its state would start it.
    in_use: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if in_use else ()):
        torch.manual_seed(seed)
        yield
