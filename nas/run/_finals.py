"""A run's networks trained in full, as `nas train RUN` leaves them under RUN/final.

They are read from files, for `nas.final` that writes them stands above this package.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from nas.errors import RunFolderError
from nas.export import Evidence, Provenance
from nas.records import read_record
from nas.run._members import FrontMember
from nas.trial import Scores
from nas.units import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
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

    @property
    def weights_file(self) -> Path:
        """The file that holds its fully trained state."""
        return self.folder / "weights.safetensors"

    @property
    def weights_advice(self) -> str:
        """What to do where that file is missing or damaged."""
        return _anew(self.run)

    def weights(self) -> bytes:
        """The fully trained state as safetensors bytes. Raises RunFolderError."""
        try:
            return self.weights_file.read_bytes()
        except OSError as error:
            raise RunFolderError(
                f"{self.weights_file}: cannot be read ({error.strerror}); {self.weights_advice}"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalLine:
    """What `final.json` says of a finalist, as far as a run needs it."""

    arch_id: str
    trial: int
    description: str
    validation: float
    """Mean over seeds, as the next."""
    test: float
    on_front: bool
    """Whether no other finalist dominates it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalFile:
    """`final.json` as far as a run needs it."""

    members: tuple[FinalLine, ...]
    """Best first on validation images."""
    score: str = "accuracy"
    """The metric that validation and test are figures of."""

    def __post_init__(self) -> None:
        """Raise ValueError where there is nothing to show."""
        if not self.members:
            raise ValueError("members: a final front has one at least")


def read_final(run: Run) -> FinalFile | None:
    """The final front in figures; None before `nas train RUN` is over. Raises RunFolderError."""
    file = run.finals_file
    if not file.exists():
        return None
    with _blaming(file, run):
        return read_record(FinalFile, _read(file))


def final_networks(run: Run) -> tuple[FinalNetwork, ...]:
    """Every finalist, best first; none before `nas train RUN` is over. Raises RunFolderError."""
    final = read_final(run)
    if final is None:
        return ()
    trials = {one.number: one for one in run.trials()}
    return tuple(_network(run, one, trials.get(one.trial)) for one in final.members)


def _network(run: Run, member: FinalLine, trial: Evaluation | None) -> FinalNetwork:
    if trial is None or trial.cost is None or trial.arch.id != member.arch_id:
        raise RunFolderError(
            f"{run.finals_file}: names network {member.arch_id} of trial {member.trial}, and the "
            f"search has no such one; {_anew(run)}"
        )
    folder = run.finals_file.parent / "networks" / member.arch_id
    record_file, report_file = _record_file(run, folder), folder / "report.json"
    with _blaming(record_file, run):
        record = _read(record_file)
        evidence = _of_plain(Evidence, record["evidence"])
        provenance = _of_plain(Provenance, record | {"weights_file": None})
    with _blaming(report_file, run):
        scores = _scores(_read(report_file))
    return FinalNetwork(
        trial=trial.number,
        arch=trial.arch,
        cost=trial.cost,
        scores=scores,
        description=member.description,
        run=run,
        folder=folder,
        evidence=evidence,
        provenance=provenance,
        on_front=member.on_front,
    )


def _record_file(run: Run, folder: Path) -> Path:
    """What was exported after training. Raises RunFolderError, which names what is missing."""
    for place in (folder.parent, folder, folder / "export"):
        if not place.is_dir():
            raise RunFolderError(f"{place}: this folder is missing; {_anew(run)}")
    file = next((folder / "export").glob("*.json"), None)
    if file is None:
        raise RunFolderError(f"{folder / 'export'}: holds no record NAME.json; {_anew(run)}")
    return file


def _scores(report: dict[str, Any]) -> Scores:
    means = {name: one["mean"] for name, one in report["validation"].items()}
    kept = next((one for one in report["seeds"] if one["seed"] == report["kept_seed"]), None)
    if kept is None:
        raise ValueError(f"kept_seed: {report['kept_seed']} is none of the seeds")
    accuracy, loss = means.pop("accuracy"), means.pop("loss")
    found = {"accuracy": accuracy, "loss": loss, "train_s": kept["train_s"], "custom": means}
    return read_record(Scores, found)


def _of_plain(record: type[Any], plain: dict[str, Any]) -> Any:
    names = {field.name for field in fields(record)}
    return read_record(record, {name: plain[name] for name in plain if name in names})


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


@contextmanager
def _blaming(file: Path, run: Run) -> Iterator[None]:
    """Say of a file that is missing or damaged that it is, and what to do."""
    try:
        yield
    except OSError as error:
        raise RunFolderError(
            f"{file}: cannot be read ({error.strerror or error}); {_anew(run)}"
        ) from error
    except KeyError as error:
        raise RunFolderError(f"{file}: is damaged: {error} is missing; {_anew(run)}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise RunFolderError(f"{file}: is damaged: {error}; {_anew(run)}") from error


def _anew(run: Run) -> str:
    """What to do about a final front that is not whole."""
    return (
        f"restore it, or move {run.finals_file.parent} away and train anew with `nas train "
        f"{quoted(run.path)}`; `nas export {quoted(run.path)} --proxies` takes the networks as "
        "the search has trained them"
    )
