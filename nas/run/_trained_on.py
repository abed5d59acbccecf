"""The workers that trained a network of a run, as its log tells of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.errors import RunFolderError

if TYPE_CHECKING:
    from nas.run._folder import RunFolder
    from nas.workers import Device

_SESSION = re.compile(r"^\S+ begins with (.+), \d+ networks evaluated$")


@dataclass(frozen=True, slots=True)
class TrainedOn:
    """Workers in the words of the log; empty where it does not tell."""

    words: str = ""

    @property
    def num_threads(self) -> int:
        """CPU threads of each: its whole CPUs, and one at least."""
        found = re.search(r"([0-9.]+) CPU", self.words)
        return max(1, int(float(found[1]))) if found else 1

    @property
    def device(self) -> Device | None:
        """Where they trained; None where the log does not tell."""
        if "Ray worker" not in self.words:
            return None
        return "cuda" if " GPU" in self.words and "on the CPU" not in self.words else "cpu"


def trained_on(folder: RunFolder, arch_id: str) -> TrainedOn:
    """The workers of the session that trained this network last."""
    session, found = "", ""
    for line in _log(folder):
        if (begun := _SESSION.match(line)) is not None:
            session = begun[1]
        elif f" network {arch_id} on " in line:
            found = session
    return TrainedOn(found)


def _log(folder: RunFolder) -> list[str]:
    """Its lines; none where it cannot be read."""
    try:
        return folder.read_text("log.txt").splitlines()
    except RunFolderError:
        return []
