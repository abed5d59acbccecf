"""Where data are, from any working directory: workers and resumed programs may have another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.data._known import DATASETS, folder_here

if TYPE_CHECKING:
    from os import PathLike


def absolute_data(data: str) -> str:
    """The same data by an absolute path; a data set's name, or what is no path, as it is."""
    path = Path(data).expanduser()
    return str(path.absolute()) if data not in DATASETS and path.exists() else data


def absolute_dir(data_dir: str | PathLike[str] | None, data: str | None = None) -> str | None:
    """The folder of a data set's files, made absolute; None where none was named.

    Then it is the folder below the working directory that `data` are read from, if they are.
    """
    folder = data_dir or (folder_here(data) if data else None)
    return str(Path(folder).expanduser().absolute()) if folder else None
