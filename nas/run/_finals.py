"""A run's networks trained in full, as `nas train RUN` leaves them under RUN/final.

They are read from files, for `nas.final` that writes them stands above this package.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from nas.errors import RunFolderError
from nas.export import Evidence, Provenance
from nas.run._members import FrontMember
from nas.trial import Scores

if TYPE_CHECKING:
    from pathlib import Path

    from nas.run._run import Run
    from nas.trial import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalNetwork(FrontMember):
    """A finalist: `scores` are means over seeds on validation images after full training."""

    folder: Path
    """Where `nas train` keeps it."""
    evidence: Evidence
    """Its test figures, and what they rest on."""
    provenance: Provenance
    on_front: bool
    """Whether no other finalist dominates it."""

    @property
    def front_csv(self) -> Path:
        """The table that lists it."""
        return self.run.path / "final" / "front.csv"

    def weights(self) -> bytes:
        """The fully trained state as safetensors bytes. Raises RunFolderError."""
        file = self.folder / "weights.safetensors"
        try:
            return file.read_bytes()
        except OSError as error:
            raise RunFolderError(f"{file}: cannot be read ({error.strerror})") from error


def final_networks(run: Run) -> tuple[FinalNetwork, ...]:
    """Every finalist, best first; none before `nas train RUN` is over. Raises RunFolderError."""
    file = run.path / "final" / "final.json"
    if not file.exists():
        return ()
    trials = {one.number: one for one in run.trials()}
    members = _read(file)["members"]
    return tuple(_network(run, one, trials[one["trial"]]) for one in members)


def _network(run: Run, member: dict[str, Any], trial: Evaluation) -> FinalNetwork:
    folder = run.path / "final" / "networks" / member["arch_id"]
    record = _read(next((folder / "export").glob("*.json"), folder / "export" / "*.json"))
    report = _read(folder / "report.json")
    assert trial.cost is not None  # only trained networks become finalists
    return FinalNetwork(
        trial=trial.number,
        arch=trial.arch,
        cost=trial.cost,
        scores=_scores(report),
        description=member["description"],
        run=run,
        folder=folder,
        evidence=_of_plain(Evidence, record["evidence"]),
        provenance=_of_plain(Provenance, record | {"weights_file": None}),
        on_front=member["on_front"],
    )


def _scores(report: dict[str, Any]) -> Scores:
    means = {name: one["mean"] for name, one in report["validation"].items()}
    kept = next(one for one in report["seeds"] if one["seed"] == report["kept_seed"])
    accuracy, loss = means.pop("accuracy"), means.pop("loss")
    return Scores(accuracy=accuracy, loss=loss, train_s=kept["train_s"], custom=means)


def _of_plain(record: type[Any], plain: dict[str, Any]) -> Any:
    names = {field.name for field in fields(record)}
    return record(**{name: value for name, value in plain.items() if name in names})


def _read(file: Path) -> dict[str, Any]:
    try:
        plain: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(
            f"{file}: cannot be read ({error}); move {file.parent} away and run `nas train` again"
        ) from error
    return plain
