"""Writes the published networks' export anew, with today's emitter.

    python -m benchmarks.published_export

The weights stand in the export itself; everything else follows from the run. `tests/export`
checks that the published code is what this would write.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from nas.run import open_run

RUN = Path(__file__).parents[1] / "results" / "lru_vgnet_fashion_mnist_200"
PICKS = ("best", "knee")


def main() -> None:
    """Export from a copy of the run that has its weights where a run has them."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "run"
        shutil.copytree(RUN, copy)
        (copy / "weights").mkdir(exist_ok=True)
        for file in (RUN / "export").glob("*.safetensors"):
            shutil.copy(file, copy / "weights" / file.name.rpartition("_")[2])
        run = open_run(copy)
        for pick in PICKS:
            for files in run.export(pick, RUN / "export", force=True):
                print(*files.paths, *files.remarks, sep="\n")


if __name__ == "__main__":
    main()
