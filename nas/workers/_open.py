"""A Ray for as long as a block lasts, for those who use Ray's own libraries."""

from __future__ import annotations

import sysconfig
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nas
from nas.workers._allocator import allocator_variables

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def open_ray(address: str | None = None) -> Iterator[None]:
    """Join the Ray at `address`, or start one here that ends with the block.

    Raises ClusterError.
    """
    from nas.workers._cluster import connect, disconnect  # loads Ray

    connection = connect(address)
    try:
        yield
    finally:
        disconnect(connection)


def worker_environment(num_threads: int) -> dict[str, str]:
    """Variables of a worker process, which it must see before it starts."""
    variables = {**allocator_variables(), "OMP_NUM_THREADS": str(num_threads)}
    root = Path(nas.__file__).parent.parent
    if root not in {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}:
        # A source checkout that the driver finds by its working directory or sys.path.
        variables["PYTHONPATH"] = f"{root}:${{PYTHONPATH}}"
    return variables
