"""From an architecture to its measured latency."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from nas.latency._core import exclusive_core
from nas.latency._deploy import deploy, device_name, require, runtime_name
from nas.latency._record import Latency
from nas.latency._reference import REFERENCE
from nas.latency._rounds import Rules, compare

if TYPE_CHECKING:
    from nas.latency._deploy import Deployed
    from nas.latency._record import DeviceKind, Workload
    from nas.latency._rounds import Comparison


def measure_latency(
    workload: Workload,
    *,
    device: DeviceKind = "cpu",
    rules: Rules = Rules(),  # noqa: B008 - frozen
    reference: Deployed | None = None,
    best_reference_ms: float = math.inf,
) -> Latency:
    """Time `workload` beside the reference network on a core of its own.

    On a CPU the clock is the thread's processor time: what it takes on a core that nobody else
    wants. `reference` is the deployed reference network, where the caller has it already;
    `best_reference_ms` what it is known to take on this machine when left alone.

    Raises OptionError where the packages or the GPU are missing, IllegalArchitecture where there
    is no such network.
    """
    require(device)
    network, reference = deploy(workload, device), reference or deploy(REFERENCE, device)
    with exclusive_core():
        wall, busy = time.perf_counter(), time.thread_time()
        found = compare_deployed(network, reference, device, rules, best_reference_ms)
        busy, wall = time.thread_time() - busy, time.perf_counter() - wall
    return Latency(
        latency_ms=1e3 * found.time_s,
        reference_ms=1e3 * found.reference_s,
        ratio=found.ratio,
        ratio_low=found.ratio_low,
        ratio_high=found.ratio_high,
        rounds=found.rounds,
        rejected=found.rejected,
        noisy=found.noisy,
        core_share=min(1.0, busy / wall),
        device=device_name(device),
        runtime=runtime_name(device),
    )


def compare_deployed(
    network: Deployed,
    reference: Deployed,
    device: DeviceKind,
    rules: Rules,
    best_reference_ms: float = math.inf,
) -> Comparison:
    """Time two deployed networks in turns, by the clock that suits the device."""
    return compare(
        network.run,
        reference.run,
        rules,
        clock=time.perf_counter if device == "cuda" else time.thread_time,
        best_reference_s=best_reference_ms / 1e3,
    )
