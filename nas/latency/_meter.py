"""Measures networks on one device, and remembers them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from nas.latency._cache import CACHE, LatencyCache
from nas.latency._core import exclusive_core
from nas.latency._deploy import deploy, deploy_part, device_name, require, runtime_name
from nas.latency._measure import compare_deployed, measure_latency
from nas.latency._reference import REFERENCE
from nas.latency._rounds import Rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from nas.latency._deploy import Deployed
    from nas.latency._parts import Part
    from nas.latency._record import DeviceKind, Latency, Workload

PART_RULES = Rules(tolerance=0.06, min_rounds=6, max_rounds=24, block_s=0.0015, max_s=2.0)
"""Parts are many, and the errors of a network's parts partly cancel."""


class LatencyMeter:
    """Latencies on one device: from the cache where they are known well, else measured."""

    def __init__(
        self,
        device: DeviceKind = "cpu",
        *,
        folder: Path = CACHE,
        rules: Rules = Rules(),  # noqa: B008 - frozen
    ) -> None:
        """Raises OptionError where the packages or the GPU are missing."""
        require(device)
        self.device, self.rules = device, rules
        self.cache = LatencyCache(
            root=folder, device=device_name(device), runtime=runtime_name(device)
        )

    def measure(self, workload: Workload, *, fresh: bool = False) -> Latency:
        """The latency of `workload`; measured if it is unknown, known but noisy, or `fresh`."""
        known = None if fresh else self.cache.load(workload)
        if known is not None and not known.noisy:
            return known
        latency = measure_latency(
            workload,
            device=self.device,
            rules=self.rules,
            reference=self._reference,
            best_reference_ms=self.cache.best_reference_ms(),
        )
        self.cache.store(workload, latency)
        return latency

    def part_ratios(self, parts: Iterable[Part]) -> Iterator[tuple[Part, float, bool]]:
        """Every part with its ratio to the reference network, and whether that is noisy.

        Holds a core until the last part is measured.
        """
        best_ms = self.cache.best_reference_ms()
        with exclusive_core():
            for part in parts:
                found = compare_deployed(
                    deploy_part(*part, self.device),
                    self._reference,
                    self.device,
                    PART_RULES,
                    best_ms,
                )
                yield part, found.ratio, found.noisy

    @cached_property
    def _reference(self) -> Deployed:
        return deploy(REFERENCE, self.device)
