"""Writes the published networks' exports anew, with today's emitter.

    python -m benchmarks.published_export

Their weights stand in the published run; everything else follows from it. `tests/export` checks
that the published code is what this would write.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from nas.run import open_run

RUN = Path(__file__).parents[1] / "results" / "lru_vgnet_200"


def main() -> None:
    """Export every finalist, from a copy of the run: opening one leaves a lock in it."""
    networks = RUN / "final" / "networks"
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(RUN, Path(name) / "run")
        run = open_run(Path(name) / "run")
        for arch_id in sorted(path.name for path in networks.iterdir()):
            for files in run.export(arch_id, networks / arch_id / "export", force=True):
                print(*files.paths, *files.remarks, sep="\n")


if __name__ == "__main__":
    main()
