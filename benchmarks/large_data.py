"""Memory that data beyond memory take: a true file of 20 GB, looked at and trained on.

Usage:
    python benchmarks/large_data.py [--gigabytes 20] [--folder /tmp]

It writes a `.npz` of 96x96 colour images (noise over a pattern for each of four classes, no
holes), runs `nas data` and `nas train` on it, and deletes it. Of each it prints the peak of the
process's own memory and of the file's pages that were in its reach; the kernel may take the
pages back at any time, so only the first has to fit.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from _common import machine_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SIDE, CLASSES, CHUNK = 96, 4, 2_048
HELD_OUT = 1_000
"""Images to validate with, and to test with."""
TRAINING = "mobilenet_v1_0.25 --recipe light --set epochs=none --set steps=100 --set batch_size=64"


def main() -> None:
    """Write the file, run both commands on it, print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=20)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    asked = parser.parse_args()
    print(machine_line("torch", "numpy"))
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        path = Path(folder) / "large.npz"
        count = write(path, int(asked.gigabytes * 1e9))
        print(f"{path.stat().st_size / 1e9:.1f} GB on disk, {count:,} images to train with")
        out = Path(folder) / "trained"
        for words in (
            ["data", str(path)],
            ["train", *TRAINING.split(), "--data", str(path), "--out", str(out)],
        ):
            report(words)
    print(machine_line("torch", "numpy"))


def write(path: Path, total_bytes: int) -> int:
    """A file as `np.savez` writes it, of random images; how many there are to train with."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 128, (CLASSES, SIDE, SIDE, 3), dtype=np.uint8)
    count = total_bytes // patterns[0].nbytes
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        for part, images in (("", count), ("val_", HELD_OUT), ("test_", HELD_OUT)):
            labels = np.arange(images) % CLASSES
            with archive.open(f"{part}labels.npy", "w") as member:
                np.lib.format.write_array(member, labels)
            with archive.open(f"{part}images.npy", "w", force_zip64=True) as member:
                shape = (images, SIDE, SIDE, 3)
                np.lib.format.write_array_header_1_0(
                    member, {"descr": "|u1", "fortran_order": False, "shape": shape}
                )
                for chunk in noisy(rng, patterns, labels):
                    member.write(chunk.data)
    return count


def noisy(
    rng: np.random.Generator, patterns: NDArray[np.uint8], labels: NDArray[np.int64]
) -> Iterator[NDArray[np.uint8]]:
    """The images of these labels, some at a time; the same noise, begun at other places."""
    noise = rng.integers(0, 128, 2 * CHUNK * patterns[0].size, dtype=np.uint8)
    for start in range(0, len(labels), CHUNK):
        chosen = patterns[labels[start : start + CHUNK]]
        first = rng.integers(len(noise) - chosen.size)
        yield chosen + noise[first : first + chosen.size].reshape(chosen.shape)


def report(words: list[str]) -> None:
    """Run `nas` so, and print its last lines, its time and its peaks of memory."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([sys.executable, "-m", "nas", *words], stdout=said, stderr=said)
        own = pages = 0
        while process.poll() is None:
            held = resident_kb(process.pid)
            own, pages = max(own, held[0]), max(pages, held[1])
            time.sleep(0.05)
        said.seek(0)
        lines = said.read().strip().splitlines()
    print(f"\nnas {' '.join(words)}")
    print(*lines[-6:], sep="\n")
    print(
        f"exit status {process.returncode}, {time.perf_counter() - started:.0f} s; "
        f"peak {own / 1e6:.2f} GB of its own, {pages / 1e6:.2f} GB of files' pages",
        flush=True,
    )


def resident_kb(pid: int) -> tuple[int, int]:
    """Kilobytes of the process's own memory and of mapped files; 0 where it has just ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0, 0
    found = dict(re.findall(r"^Rss(Anon|File):\s+(\d+) kB", status, flags=re.M))
    return int(found.get("Anon", 0)), int(found.get("File", 0))


if __name__ == "__main__":
    main()
