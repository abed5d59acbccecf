"""Learning to predict the latencies of a space: parts one by one, then some whole networks."""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from nas.errors import DisturbedError, IllegalArchitecture, OptionError
from nas.families import plugin_digest
from nas.latency._cache import read_json, write_json
from nas.latency._parts import PartTable, parts_of
from nas.latency._predictor import PredictionError, Predictor
from nas.latency._record import Latency, Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nas.arch import Architecture
    from nas.latency._cache import LatencyCache
    from nas.latency._meter import LatencyMeter
    from nas.latency._parts import Part
    from nas.space import SearchSpace

    Progress = Callable[[str, int, int], None]
    """What is measured, how many are done, of how many."""

MIN_NETWORKS = 10
PROBED_NETWORKS = 1000
MAX_PARTS = 2000
"""Measured unless more are asked for; the commonest of what random networks hold."""
BATCH = 25
"""Parts measured before the core is given back and the table written."""
ATTEMPTS = 3
"""How often what stays noisy is measured before the calibration is given up."""
MAX_NOISY_SHARE = 0.25
"""Of the networks: with more of them in noise, the correction and its error say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A predictor for one space on one device, and what it is worth."""

    predictor: Predictor
    error: PredictionError
    """By leaving each measured network out; none of them had part in choosing the parts."""
    reference_ms: float
    """The reference network's time: what turns ratios into milliseconds."""

    def predict_ms(self, workload: Workload) -> float:
        """Predicted latency in milliseconds. Raises IllegalArchitecture."""
        return self.predictor.ratio(workload) * self.reference_ms

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready form, but for the table of parts."""
        return {
            "correction": self.predictor.correction,
            "error": asdict(self.error),
            "reference_ms": self.reference_ms,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any], table: PartTable) -> Calibration:
        """The inverse of `to_plain`."""
        return cls(
            predictor=Predictor(table, plain["correction"]),
            error=PredictionError(**plain["error"]),
            reference_ms=plain["reference_ms"],
        )


def calibrate(
    space: SearchSpace,
    meter: LatencyMeter,
    *,
    input_shape: tuple[int, int, int],
    num_classes: int,
    networks: int = 50,
    parts: int | None = None,
    seed: int = 0,
    on_progress: Progress = lambda what, done, total: None,
) -> Calibration:
    """Measure `parts` parts (2,000 if None) and `networks` random networks, fit, keep the outcome.

    What the meter's cache knows already is not measured again, so that an interrupted
    calibration goes on where it stopped. What other programs disturb is measured again, up to
    `ATTEMPTS` times in all.

    Raises OptionError for too few networks or parts, IllegalArchitecture where the space holds
    none, and DisturbedError where too many networks stay noisy; such a calibration is not kept.
    """
    if networks < MIN_NETWORKS:
        raise OptionError(
            f"`networks` {networks}: at least {MIN_NETWORKS} are needed to learn from"
        )
    if parts is not None and parts < 1:
        raise OptionError(f"`parts` {parts}: write a number of at least 1")
    rng, count = random.Random(f"probe {seed}"), parts or MAX_PARTS
    probed = max(PROBED_NETWORKS, count // 2)
    probe = islice(random_workloads(space, rng, input_shape, num_classes), probed)
    table = measure_parts(list(probe), meter, on_progress, count=count)
    rng = random.Random(f"whole networks {seed}")
    drawn = islice(random_workloads(space, rng, input_shape, num_classes), 20 * networks)
    whole = list({workload.arch.id: workload for workload in drawn}.values())[:networks]
    measured = measure_networks(whole, meter, on_progress)
    predictor, error = Predictor(table).learn(whole, measured)
    made = Calibration(
        predictor=predictor, error=error, reference_ms=meter.cache.best_reference_ms()
    )
    write_json(_path(meter.cache, space, input_shape, num_classes), made.to_plain())
    return made


def load_calibration(
    space: SearchSpace,
    cache: LatencyCache,
    *,
    input_shape: tuple[int, int, int],
    num_classes: int,
) -> Calibration | None:
    """The calibration of `space` that was kept; None where there is none."""
    record = read_json(_path(cache, space, input_shape, num_classes))
    table = PartTable.load(cache.folder)
    if record is None or not table.entries:
        return None
    return Calibration.from_plain(record, table)


def random_workloads(
    space: SearchSpace,
    rng: random.Random,
    input_shape: tuple[int, int, int],
    num_classes: int,
    *,
    tries: int = 10_000,
) -> Iterator[Workload]:
    """Random networks of `space` that fit the images, for ever; the same one may come again.

    Raises IllegalArchitecture after `tries` networks in a row that the images are too small for.
    """
    while True:
        for _ in range(tries):
            arch = space.random_architecture(rng)
            if (workload := _fitting(arch, input_shape, num_classes)) is not None:
                break
        else:
            raise IllegalArchitecture(
                f"{space.source}: no network for {'x'.join(map(str, input_shape))} images in "
                f"{tries:,} random ones; use larger images",
                rule="images too small",
            )
        yield workload


def _fitting(
    arch: Architecture, input_shape: tuple[int, int, int], num_classes: int
) -> Workload | None:
    """`arch` for such images; None where they are smaller than its `resolution` or too small."""
    try:
        workload = Workload(arch=arch, input_shape=input_shape, num_classes=num_classes)
        parts_of(workload)
    except IllegalArchitecture:
        return None
    return workload


def measure_parts(
    workloads: list[Workload], meter: LatencyMeter, on_progress: Progress, *, count: int
) -> PartTable:
    """The device's table of parts; the `count` commonest of the `workloads` measured and kept."""
    table = PartTable.load(meter.cache.folder)
    counts: Counter[Part] = Counter()
    for workload in workloads:
        counts.update(parts_of(workload))
    wanted = [part for part, _ in counts.most_common(count)]
    for _ in range(ATTEMPTS):
        due = [part for part in wanted if table.is_due(part)]
        _measure_due(due, table, meter, on_progress)
    return table


def _measure_due(
    due: list[Part], table: PartTable, meter: LatencyMeter, on_progress: Progress
) -> None:
    for start in range(0, len(due), BATCH):
        batch = due[start : start + BATCH]
        for part, ratio, noisy in meter.part_ratios(batch):
            table.add(part, ratio, noisy=noisy)
        table.save(meter.cache.folder)
        on_progress("parts", start + len(batch), len(due))


def measure_networks(
    workloads: list[Workload], meter: LatencyMeter, on_progress: Progress
) -> list[Latency]:
    """The networks' latencies; noisy ones are measured again after the others.

    Raises DisturbedError where more than `MAX_NOISY_SHARE` of them stays noisy.
    """
    found: dict[int, Latency] = {}
    for _ in range(ATTEMPTS):
        for place, workload in enumerate(workloads):
            if place not in found or found[place].noisy:
                found[place] = meter.measure(workload)
                on_progress("networks", len(found), len(workloads))
    noisy = sum(latency.noisy for latency in found.values())
    if noisy > MAX_NOISY_SHARE * len(workloads):
        raise DisturbedError(
            f"calibration: {noisy} of {len(workloads)} networks could not be measured steadily in "
            f"{ATTEMPTS} attempts (allowed: {MAX_NOISY_SHARE:.0%}), because other programs use "
            "this machine; no calibration was kept. Run the same command when the machine is "
            "quiet: it goes on with what was measured well"
        )
    return [found[place] for place in range(len(workloads))]


def _path(
    cache: LatencyCache,
    space: SearchSpace,
    input_shape: tuple[int, int, int],
    num_classes: int,
) -> Path:
    text = space.text + plugin_digest(re.findall(r"\w+", space.text))
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    shape = "x".join(map(str, input_shape))
    return cache.folder / f"calibration-{digest}-{shape}-{num_classes}.json"
