"""The document's views that programs read: `report.json` and `trials.csv`."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from nas.report._files import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from nas.report._document import Document, Network

JSON_FORMAT = 1
"""Of `report.json`."""
LAST_COLUMNS = ("rungs", "same_as", "reason", "network")
"""Of `trials.csv`: accuracies on the ladder, the equal trial, why not, what it is made of."""


def write_document_json(path: Path, document: Document) -> None:
    """Everything the document says, less the drawings. Raises RunFolderError."""
    plain = {
        one.name: _plain(getattr(document, one.name))
        for one in fields(document)
        if one.name not in ("diagrams", "networks")
    }
    content = {"format": JSON_FORMAT} | plain | {"networks": [*map(_row, document.networks)]}
    with replacing(path) as draft:
        draft.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def write_trials_csv(path: Path, document: Document) -> None:
    """One line a trial, whatever became of it. Raises RunFolderError."""
    keys = [metric.key for metric in document.metrics]
    front = set(document.front)
    with replacing(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        columns = ("trial", "arch_id", "state", "front", *keys, *LAST_COLUMNS)
        writer.writerow(columns)
        for place, one in enumerate(document.networks):
            head = (one.trial, one.arch_id, one.state, int(place in front))
            writer.writerow((*head, *map(one.value, keys), *_last_cells(one)))


def _last_cells(one: Network) -> tuple[object, ...]:
    rungs = " ".join(f"{scores.accuracy:.4f}" for scores in one.rungs)
    reason = f"{one.failure.kind}: {one.failure.message}" if one.failure else ""
    return rungs, one.duplicate_of, reason, one.description


def _row(one: Network) -> dict[str, Any]:
    """Tracebacks stay in the study."""
    plain = asdict(one)
    if one.failure is not None:
        del plain["failure"]["detail"]
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value
