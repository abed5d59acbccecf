"""What was measured before on this device with this runtime, one small JSON file a network."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.families import plugin_digest
from nas.files import drafted
from nas.latency._record import Latency
from nas.latency._tags import part_tags

if TYPE_CHECKING:
    from nas.latency._record import Workload

CACHE = Path("~/.cache/nas/latency")
METHOD = 1
"""To be counted up when figures of before are no longer comparable."""
REMEMBERED = 20
"""Reference times of late; a machine that became slower for good is believed after so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyCache:
    """Latencies of one device with one version of one runtime."""

    root: Path = CACHE
    device: str
    runtime: str

    @property
    def folder(self) -> Path:
        """Where this device's files are."""
        name = _file_name(f"{self.device} {self.runtime}")
        return self.root.expanduser() / f"{name}-m{METHOD}"

    def load(self, workload: Workload) -> Latency | None:
        """What is known about `workload`; None if nothing, or nothing readable."""
        record = read_json(self.folder / _key(workload))
        try:
            return None if record is None else Latency(**record)
        except TypeError:
            return None

    def store(self, workload: Workload, latency: Latency) -> None:
        """Keep a latency, unless what is known is less noisy."""
        known = self.load(workload)
        if known is None or known.noisy or not latency.noisy:
            write_json(self.folder / _key(workload), asdict(latency))
        of_late = [*self._references(), latency.reference_ms][-REMEMBERED:]
        write_json(self.folder / "references.json", of_late)

    def best_reference_ms(self) -> float:
        """The shortest time of the reference network of late; infinite if there is none."""
        return min(self._references(), default=float("inf"))

    def _references(self) -> list[float]:
        return read_json(self.folder / "references.json") or []


def _key(workload: Workload) -> str:
    arch, shape, classes = workload.arch, workload.input_shape, workload.num_classes
    calls = arch.calls(in_channels=shape[0], num_classes=classes)
    digest = plugin_digest(word for one in calls for word in part_tags(one))
    subject = (arch.id, "x".join(map(str, shape)), str(classes), digest)
    return f"{'-'.join(filter(None, subject))}.json"


def _file_name(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")


def read_json(path: Path) -> Any:
    """The file's content; None where there is none, or where writing it was cut off."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_json(path: Path, content: Any) -> None:
    """Write a file so that readers see the old or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with drafted(path) as draft:
        draft.write_text(json.dumps(content), encoding="utf-8")
