"""The document's views that programs read: `report.json` and `trials.csv`."""

from __future__ import annotations

import csv
import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from nas.report._files import replacing
from nas.trial import Failure

if TYPE_CHECKING:
    from pathlib import Path

    from nas.report._document import Document, Network

JSON_FORMAT = 1
"""Of `report.json`."""
LAST_COLUMNS = ("rungs", "same_as", "reason", "network")
"""Of `trials.csv`: accuracies on the ladder, the equal trial, why not, what it is made of."""


def write_document_json(path: Path, document: Document) -> None:
    """Everything the document says, less the drawings; a line a network. Raises RunFolderError."""
    values = {"format": JSON_FORMAT} | _values(document)
    networks = ",\n".join(map(_json, values.pop("networks")))
    del values["diagrams"]
    lines = [f"{_json(name)}: {_json(value)}" for name, value in values.items()]
    text = ",\n".join([*lines, f'"networks": [\n{networks}\n]'])
    with replacing(path) as draft:
        draft.write_text(f"{{\n{text}\n}}\n", encoding="utf-8")


def _json(value: object) -> str:
    return json.dumps(value, allow_nan=False, default=_values)


def _values(record: Any) -> dict[str, Any]:
    """A record's fields; tracebacks stay in the study."""
    left_out = ("detail",) if isinstance(record, Failure) else ()
    names = (one.name for one in fields(record))
    return {name: getattr(record, name) for name in names if name not in left_out}


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
