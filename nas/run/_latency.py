"""Latency in a search: predicted before a network is trained, measured once it is on the front.

The predictor is copied into the run folder, so that a search that goes on predicts as before.
Only a calibration on the machine that begins the search will do.
"""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from nas.errors import OptionError
from nas.families import loaded_plugins
from nas.latency import (
    Calibration,
    Latency,
    LatencyMeter,
    PartTable,
    Workload,
    load_calibration,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nas.arch import Architecture
    from nas.run._folder import RunFolder
    from nas.run._run import Run
    from nas.run._settings import SearchSettings
    from nas.space import SearchSpace

METRIC = "latency"
PREDICTOR = "latency.json"
MEASURED = "latency_measured.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontLatency:
    """A network of the front: what was predicted, and what was measured."""

    arch_id: str
    accuracy: float
    predicted_ms: float
    measured: Latency


def wants_latency(settings: SearchSettings) -> bool:
    """Whether latency is an objective or limited."""
    limited = any(limit.name == METRIC for limit in settings.limits)
    return limited or METRIC in settings.objectives


def require_calibration(
    space: SearchSpace,
    name: str,
    input_shape: tuple[int, int, int],
    num_classes: int,
    overrides: Sequence[str] = (),
) -> Calibration:
    """The calibration of the space called `name`, made on this machine earlier.

    `overrides` are what was changed of it, for the command that an error names. Raises
    OptionError where there is none, or where nothing can be measured here.
    """
    cache = LatencyMeter("cpu").cache
    found = load_calibration(space, cache, input_shape=input_shape, num_classes=num_classes)
    if found is None:
        words = ["--calibrate", name, "--input", "x".join(map(str, input_shape))]
        words += ["--classes", str(num_classes), *_changes(overrides)]
        raise OptionError(
            f"latency of {name} is not known well enough to predict it on this machine; measure "
            f"some networks first: nas latency {shlex.join(words)}"
        )
    return found


def _changes(overrides: Sequence[str]) -> Iterator[str]:
    """What a command needs to mean the same space, as words of it."""
    for one in overrides:
        yield from ("--set", one)
    for plugin in loaded_plugins():
        yield from ("--plugin", plugin.path or plugin.module)


def keep_calibration(folder: RunFolder, calibration: Calibration) -> None:
    """Write the predictor into a run folder."""
    table = calibration.predictor.table.to_plain()
    folder.write_json(PREDICTOR, calibration.to_plain() | {"parts": table})


def read_calibration(folder: RunFolder) -> Calibration:
    """The predictor of a run. Raises RunFolderError."""
    plain = folder.read_json(PREDICTOR)
    return Calibration.from_plain(plain, PartTable.from_plain(plain["parts"]))


def predict_us(
    calibration: Calibration | None, input_shape: tuple[int, int, int], num_classes: int
) -> Callable[[Architecture], int] | None:
    """What predicts a network's latency in whole microseconds; None without a calibration."""
    if calibration is None:
        return None

    def predict(arch: Architecture) -> int:
        workload = Workload(arch=arch, input_shape=input_shape, num_classes=num_classes)
        return max(1, round(1e3 * calibration.predict_ms(workload)))

    return predict


def measure_front(session: Run) -> None:
    """Measure the networks of a run's front, and write what was found into its folder."""
    problem, meter = session.problem, LatencyMeter("cpu")
    found = []
    for row in session.front():
        workload = Workload(
            arch=row.arch,
            input_shape=problem.input_shape,
            num_classes=problem.num_classes,
        )
        one = FrontLatency(
            arch_id=row.arch_id,
            accuracy=row.scores.accuracy,
            predicted_ms=(row.cost.latency_us or 0) / 1e3,
            measured=meter.measure(workload),
        )
        found.append(asdict(one))
    session.folder.write_json(MEASURED, found)


def front_latencies(session: Run) -> tuple[FrontLatency, ...]:
    """What `measure_front` found last; empty where nothing was measured."""
    if not (session.folder.path / MEASURED).exists():
        return ()
    return tuple(
        FrontLatency(**one | {"measured": Latency(**one["measured"])})
        for one in session.folder.read_json(MEASURED)
    )
