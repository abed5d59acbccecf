"""Full trainings by one neutral recipe, each a `nas train` in a process of its own.

`nas train` reads the test images once, at its end. A training that was stopped goes on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
ZOO = ROOT / "search_spaces" / "zoo"
RECIPE = ("--recipe", "light", "--set", "epochs=15", "--set", "augmentation.crop=0.0625")
"""AdamW at .02, cosine, batch 128, flips and shifts of a sixteenth, averaged weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One training of one network."""

    model: Path
    """A model file; read when the training begins."""
    seed: int
    place: Path
    """The folder that `nas train` makes, with a log beside it."""
    options: tuple[str, ...] = ()
    """Of `nas train`, beside the recipe."""

    def run(self) -> dict[str, Any]:
        """What came of it: sizes, accuracies, seconds."""
        if (self.place / "training.json").exists():
            words = ["--resume", str(self.place)]
        else:
            words = [str(self.model), *RECIPE, *self.options, "--out", str(self.place)]
            words += ["--first-seed", str(self.seed), "--seeds", "1"]
        with self.place.with_name(f"{self.place.name}.log").open("a") as log:
            subprocess.run(
                [sys.executable, "-m", "nas", "train", *words],
                check=True,
                stdout=log,
                stderr=log,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
        return {"seed": self.seed, **_row(json.loads((self.place / "report.json").read_text()))}


def scaled(model: str, width: float, folder: Path) -> Path:
    """A network of the zoo with its channels multiplied, as a model file in `folder`."""
    path = ZOO / f"{model}.yaml"
    if width == 1:
        return path
    plain = yaml.safe_load(path.read_text()) | {"width": width}
    narrow = folder / f"{model}_x{width:g}.yaml"
    narrow.write_text(yaml.safe_dump(plain))
    return narrow


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file of JSON lines; none without the file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def append_line(path: Path, record: dict[str, Any]) -> None:
    """Add a record to a file of JSON lines."""
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")


def _row(report: dict[str, Any]) -> dict[str, Any]:
    (trained,) = report["seeds"]
    return {
        "id": report["model"]["id"],
        "params": report["model"]["params"],
        "macs": report["model"]["macs"],
        "epochs": trained["epochs"],
        "validation": trained["validation"]["accuracy"],
        "test": trained["test"]["accuracy"],
        "missed_classes": trained["missed_classes"],
        "train_s": trained["train_s"],
    }
