"""The arrays inside a `.npz` file: what they say they are, before a byte of them is read.

A zip's directory and numpy's headers tell sizes at once. So a file that claims more than it can
hold is refused within milliseconds, and an array that was stored without compression can be
mapped into memory instead of read.
"""

from __future__ import annotations

import math
import mmap
import struct
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from nas.data._images import memory_budget
from nas.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_DEFLATE_LIMIT = 1_032
"""No deflated byte becomes more bytes than that (zlib's technical details)."""
_SUSPICIOUS_BYTES, _SUSPICIOUS_RATIO = 2**30, 200
"""Large, and nearly all of it the same byte over and over: no images. (One byte repeated becomes
229 times smaller at zlib's levels 1 to 3, 1,029 times at the others.)"""
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayHeader:
    """What a member of the archive says of itself."""

    info: zipfile.ZipInfo
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int
    """Bytes before the array's own, inside the member."""

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_headers(path: Path, format_words: str) -> dict[str, ArrayHeader]:
    """The header of every array by its key. Raises DataError, without reading the arrays."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            return {
                info.filename.removesuffix(".npy"): _header(path, archive, info)
                for info in members
            }
    except DataError:
        raise
    except Exception as error:  # whatever zipfile's and numpy's readers raise on what is no array
        raise DataError(_unreadable(path, error, format_words)) from error


def _unreadable(path: Path, error: Exception, format_words: str) -> str:
    with path.open("rb") as file:
        if file.read(6) == b"\x93NUMPY":
            return f"{path}: a single array under the name of a .npz file; {format_words}."
    return f"{path}: not a readable .npz file ({error}); {format_words}."


def _header(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> ArrayHeader:
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        shape, fortran, dtype = _READERS.get(version, _READERS[2, 0])(member)
        header = ArrayHeader(
            info=info, shape=shape, fortran=fortran, dtype=dtype, start=member.tell()
        )
    key = info.filename.removesuffix(".npy")
    if dtype.hasobject:
        raise DataError(
            f"{path}: {key} is an array of Python objects, as numpy makes of images of different "
            "sizes; resize them to one size, and write them as numbers."
        )
    _check_size(path, key, header)
    return header


def _check_size(path: Path, key: str, header: ArrayHeader) -> None:
    info, claimed = header.info, header.start + header.nbytes
    shape = "x".join(map(str, header.shape))
    ratio = info.file_size / max(1, info.compress_size)
    impossible = claimed != info.file_size or ratio > _DEFLATE_LIMIT
    suspicious = info.file_size > _SUSPICIOUS_BYTES and ratio > _SUSPICIOUS_RATIO
    if impossible or suspicious:
        raise DataError(
            f"{path}: {key} says it is {shape} of {header.dtype}, {claimed:,} bytes, but the "
            f"archive holds {info.compress_size:,} bytes of it, which unpack to "
            f"{info.file_size:,} at most: no images. Write the file again."
        )
    if info.compress_type != zipfile.ZIP_STORED and header.nbytes > 2 * memory_budget():
        raise DataError(
            f"{path}: {key} is {header.nbytes:,} bytes, more than fit into this machine's memory "
            "unpacked; write it with np.savez (not savez_compressed), and it is read from disk "
            "as it is needed."
        )


def read_array(path: Path, key: str, header: ArrayHeader) -> np.ndarray[Any, Any]:
    """The array; mapped, where it is large and stored as it is. Raises DataError."""
    try:
        if header.info.compress_type == zipfile.ZIP_STORED and header.nbytes > memory_budget():
            return _mapped(path, header)
        with zipfile.ZipFile(path) as archive, archive.open(header.info) as member:
            return np.asarray(np.lib.format.read_array(member, allow_pickle=False))
    except Exception as error:  # as above
        raise DataError(
            f"{path}: {key} cannot be read ({error}); write the file again."
        ) from error


def _mapped(path: Path, header: ArrayHeader) -> np.ndarray[Any, Any]:
    with path.open("rb") as file:
        start = _data_offset(file, header.info) + header.start
        mapping = random_access(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    order: Any = "F" if header.fortran else "C"
    return np.ndarray(header.shape, header.dtype, mapping, start, order=order)


def random_access(mapping: mmap.mmap) -> mmap.mmap:
    """The same, with the kernel told that rows of it are read in random order.

    Otherwise it reads what follows each of them too: megabytes for an image of kilobytes.
    """
    if hasattr(mmap, "MADV_RANDOM"):
        mapping.madvise(mmap.MADV_RANDOM)
    return mapping


def _data_offset(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin: behind its local header, whose name and extra field vary."""
    file.seek(info.header_offset)
    *_, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    return info.header_offset + _LOCAL_HEADER.size + int(name_bytes) + int(extra_bytes)
