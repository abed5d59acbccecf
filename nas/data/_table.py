"""Reading a table of files and labels: `file,label`, or Hugging Face's `metadata.csv`."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from nas.data._listing import Listing, Part, Sample, part_of
from nas.errors import DataError, OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE_COLUMNS = ("file_name", "file", "filename", "path", "filepath", "image", "image_path")
LABEL_COLUMNS = ("label", "labels", "class", "class_name", "category", "target", "mask")
PART_COLUMNS = ("split", "part", "subset")
_TABLE = (
    f"a table has a first line with the columns {FILE_COLUMNS[1]} ({', '.join(FILE_COLUMNS)}) and "
    f"label ({', '.join(LABEL_COLUMNS)}), and possibly split (train, val, test)"
)


def list_table(path: Path, *, group_by: str | None = None) -> Listing:
    """The samples of a table; files are found from the table's folder. Raises DataError."""
    parts: dict[Part, list[Sample]] = {"train": []}
    for part, sample in _read(path, group_by):
        parts.setdefault(part, []).append(sample)
    if not parts["train"]:
        raise DataError(f"{path}: names no training image; {_TABLE}.")
    return Listing(
        root=path.parent, parts={part: tuple(samples) for part, samples in parts.items()}
    )


def merged(root: Path, tables: Mapping[Part, Path], group_by: str | None) -> Listing:
    """One listing of tables that stand each in the folder of its part."""
    parts = {
        part: tuple(sample for _, sample in _read(table, group_by))
        for part, table in tables.items()
    }
    return Listing(root=root, parts=parts)


def _read(path: Path, group_by: str | None) -> Iterator[tuple[Part, Sample]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            dialect = _dialect(file.read(8_192))
            file.seek(0)
            rows = csv.DictReader(file, dialect=dialect, restval="")
            yield from _samples(path, rows, group_by)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable table ({error}); {_TABLE}.") from error


def _dialect(head: str) -> type[csv.Dialect]:
    class Dialect(csv.excel):
        delimiter = max(",;\t", key=head.partition("\n")[0].count)

    return Dialect


def _samples(
    path: Path, rows: csv.DictReader[str], group_by: str | None
) -> Iterator[tuple[Part, Sample]]:
    columns = {name.strip().lower(): name for name in rows.fieldnames or () if name}
    file_column, label_column = (
        _column(path, columns, known) for known in (FILE_COLUMNS, LABEL_COLUMNS)
    )
    part_column = next((columns[name] for name in PART_COLUMNS if name in columns), None)
    if group_by is not None and group_by not in columns.values():
        raise OptionError(
            f"`group_by` {group_by}: no such column in {path} (columns: "
            f"{', '.join(columns.values())})"
        )
    for row in rows:
        where = f"{path}:{rows.line_num}"
        name, label = row[file_column].strip(), row[label_column].strip()
        if not name or not label:
            none = "" if label else " (| stands for none of several labels)"
            missing = "file" if label else "label"
            raise DataError(f"{where}: the {missing} is missing{none}; {_TABLE}.")
        part = _part(where, name, row[part_column] if part_column else None)
        yield (
            part,
            Sample(file=path.parent / name, label=label, group=row[group_by] if group_by else ""),
        )


def _column(path: Path, columns: Mapping[str, str], known: tuple[str, ...]) -> str:
    found = next((columns[name] for name in known if name in columns), None)
    if found is None:
        raise DataError(
            f"{path}: has the columns {', '.join(columns.values()) or '(none)'}, none of "
            f"{', '.join(known)}; {_TABLE}."
        )
    return found


def _part(where: str, file: str, cell: str | None) -> Part:
    """As the table's column says, or the folder that the file is in."""
    if cell is None:
        return part_of(Path(file).parts[0]) or "train"
    part = part_of(cell)
    if part is None:
        raise DataError(f"{where}: split '{cell}' is unknown; write train, val or test.")
    return part
