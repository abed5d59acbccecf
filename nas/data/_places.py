"""Where data are, from any working directory: workers and resumed programs may have another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.data._known import DATASETS

if TYPE_CHECKING:
    from os import PathLike


def absolute_data(data: str) -> str:
    """The same data by an absolute path; a data set's name, or what is no path, as it is."""
    path = Path(data).expanduser()
    return str(path.absolute()) if data not in DATASETS and path.exists() else data


def absolute_dir(data_dir: str | PathLike[str] | None) -> str | None:
    """The folder of a data set's files, made absolute; None where none was named."""
    return str(Path(data_dir).expanduser().absolute()) if data_dir else None
