"""Predictions learned on a machine whose latencies are known: a made-up one."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nas.arch import Architecture, Stage
from nas.cost import cost_of
from nas.errors import DisturbedError, IllegalArchitecture, OptionError
from nas.families.inverted.options import Inverted
from nas.families.plain.options import ConvStem, GapLinear
from nas.families.residual.options import Residual
from nas.families.separable.options import Separable
from nas.families.vgnet.options import HalfIdentity
from nas.latency import (
    REFERENCE,
    Latency,
    LatencyCache,
    PartTable,
    PredictionError,
    Predictor,
    Workload,
    calibrate,
    load_calibration,
    parts_of,
    random_workloads,
)
from nas.latency._layers import KINDS, part_terms
from nas.latency._tags import part_tags
from nas.space import load_space, parse_space

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from nas.arch import Block
    from nas.latency._parts import Part

SPACE = load_space("mobilenet_reuse")
DATA: dict[str, Any] = {"input_shape": (3, 32, 32), "num_classes": 10}


@pytest.fixture(autouse=True)
def short_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.latency._calibrate.PROBED_NETWORKS", 80)


def workloads(count: int, seed: int = 0) -> list[Workload]:
    stream = random_workloads(SPACE, random.Random(seed), *DATA.values())
    return [next(stream) for _ in range(count)]


class MadeUpMachine:
    """Stands in for a meter: prices for layers, overhead for every part run on its own."""

    def __init__(self, folder: Path) -> None:
        self.cache = LatencyCache(root=folder, device="made up", runtime="1")
        self.parts_run = self.networks_run = 0
        self.disturbed_runs = 0
        """How many of the next measurements of whole networks something disturbs."""

    def part(self, part: Part) -> float:
        terms = part_terms(*part)
        macs = terms[:, 1] @ np.linspace(1, 2, len(KINDS))
        return float(0.05 * terms[:, 0].sum() + macs / 1e6 + terms[:, 2].sum() / 1e5)

    def network(self, workload: Workload) -> float:
        return 0.3 + 0.9 * sum(self.part(part) for part in parts_of(workload))

    def part_ratios(self, parts: Iterable[Part]) -> Iterator[tuple[Part, float, bool]]:
        for part in parts:
            self.parts_run += 1
            yield part, self.part(part) + 0.1, False

    def measure(self, workload: Workload) -> Latency:
        known = self.cache.load(workload)
        if known is None or known.noisy:
            self.networks_run += 1
            noisy = self.networks_run <= self.disturbed_runs
            known = dataclasses.replace(latency(self.network(workload)), noisy=noisy)
            self.cache.store(workload, known)
        return known


def latency(ratio: float, spread: float = 0.01) -> Latency:
    return Latency(
        latency_ms=0.2 * ratio,
        reference_ms=0.2,
        ratio=ratio,
        ratio_low=ratio * (1 - spread / 2),
        ratio_high=ratio * (1 + spread / 2),
        rounds=10,
        rejected=0,
        noisy=False,
        core_share=1.0,
        device="made up",
        runtime="1",
    )


def test_terms_count_what_exact_costs_count() -> None:
    """Where channels fill the lanes, the multiply-accumulates are the exact ones."""
    parts = parts_of(REFERENCE)
    macs = sum(part_terms(*part)[:, 1].sum() for part in parts[1:])
    shape = parts[1][1]
    exact = cost_of(REFERENCE.arch, input_shape=(3, 32, 32), num_classes=10).macs
    stem = cost_of(
        dataclasses.replace(REFERENCE.arch, stages=()), input_shape=(3, 32, 32), num_classes=10
    ).macs - 10 * shape[0]  # fmt: skip
    assert macs == exact - stem


def test_a_block_applied_n_times_asks_n_times_as_much() -> None:
    def block_terms(block: Block) -> Any:
        arch = Architecture(
            name="one block",
            stem=ConvStem(channels=16),
            stages=(Stage(channels=16, block=block),),
            head=GapLinear(),
        )
        blocks = parts_of(Workload(arch=arch, input_shape=(3, 16, 16)))[1:-1]
        return sum(part_terms(*part) for part in blocks)

    for kind in (Separable, Residual, Inverted, HalfIdentity):
        once = block_terms(kind())
        assert once.sum() > 0
        np.testing.assert_array_equal(block_terms(kind(reuse=5)), 5 * once)


def test_known_parts_are_looked_up_and_unknown_ones_estimated(tmp_path: Path) -> None:
    machine, table = MadeUpMachine(tmp_path), PartTable()
    for workload in workloads(60):
        for part, ratio, noisy in machine.part_ratios(parts_of(workload)):
            table.add(part, ratio, noisy=noisy)
    predictor = Predictor(table)
    fresh = {p for s in workloads(40, seed=1) for p in parts_of(s) if table.find(p) is None}
    assert len(fresh) > 20
    errors = [abs(predictor.part_ratio(p) / (machine.part(p) + 0.1) - 1) for p in fresh]
    assert np.median(errors) < 0.05
    known = parts_of(workloads(1)[0])[0]
    assert predictor.part_ratio(known) == machine.part(known) + 0.1


def test_a_calibration_says_its_error_and_keeps_it_on_fresh_networks(tmp_path: Path) -> None:
    machine: Any = MadeUpMachine(tmp_path)
    made = calibrate(SPACE, machine, **DATA, networks=30)
    assert made.error.networks == 30
    assert made.error.good_share > 0.9
    fresh = workloads(50, seed=2)
    predicted = [made.predictor.ratio(workload) for workload in fresh]
    found = PredictionError.of(predicted, [machine.network(workload) for workload in fresh])
    assert found.good_share > 0.9
    assert found.median < 0.05
    assert made.predict_ms(fresh[0]) == pytest.approx(0.2 * predicted[0])


def test_so_many_parts_are_measured_as_asked_for(tmp_path: Path) -> None:
    machine = MadeUpMachine(tmp_path)
    calibrate(SPACE, machine, networks=10, parts=7, **DATA)  # type: ignore[arg-type]
    assert machine.parts_run == 7
    calibrate(SPACE, machine, networks=10, parts=9, **DATA)  # type: ignore[arg-type]
    assert machine.parts_run == 9, "those known are not measured again"
    with pytest.raises(OptionError, match="`parts` 0"):
        calibrate(SPACE, machine, networks=10, parts=0, **DATA)  # type: ignore[arg-type]


def test_the_correction_takes_back_what_parts_cost_alone(tmp_path: Path) -> None:
    machine: Any = MadeUpMachine(tmp_path)
    made = calibrate(SPACE, machine, **DATA, networks=30)
    alone = Predictor(made.predictor.table)
    fresh = workloads(50, seed=3)
    truth = [machine.network(workload) for workload in fresh]
    uncorrected = PredictionError.of([alone.ratio(one) for one in fresh], truth)
    corrected = PredictionError.of([made.predictor.ratio(one) for one in fresh], truth)
    assert corrected.median < uncorrected.median / 2


def test_a_calibration_goes_on_where_it_stopped_and_is_found_again(tmp_path: Path) -> None:
    machine: Any = MadeUpMachine(tmp_path)
    cache = machine.cache
    assert load_calibration(SPACE, cache, **DATA) is None
    seen = []
    made = calibrate(
        SPACE, machine, **DATA, networks=10, on_progress=lambda *what: seen.append(what)
    )
    assert seen[-1] == ("networks", 10, 10)
    parts, networks = machine.parts_run, machine.networks_run
    again = calibrate(SPACE, machine, **DATA, networks=10)
    assert (machine.parts_run, machine.networks_run) == (parts, networks)
    found = load_calibration(SPACE, cache, **DATA)
    assert found is not None
    for other in (again, found):
        assert other.error == made.error
        for workload in workloads(5, seed=4):
            assert other.predict_ms(workload) == pytest.approx(made.predict_ms(workload))
    assert load_calibration(load_space("lru_vgnet"), cache, **DATA) is None
    assert load_calibration(SPACE, cache, input_shape=(3, 32, 32), num_classes=11) is None


def test_no_prediction_is_below_the_cheapest_part(tmp_path: Path) -> None:
    machine, table = MadeUpMachine(tmp_path), PartTable()
    for part, ratio, noisy in machine.part_ratios(parts_of(REFERENCE)):
        table.add(part, ratio, noisy=noisy)
    cheapest = min(machine.part(part) + 0.1 for part in parts_of(REFERENCE))
    misled = Predictor(table, (-1e6, 0.0, 0.0, 0.0, 0.0))
    assert misled.ratio(REFERENCE) == cheapest


def test_networks_measured_in_noise_are_measured_again(tmp_path: Path) -> None:
    machine: Any = MadeUpMachine(tmp_path)
    machine.disturbed_runs = 7
    made = calibrate(SPACE, machine, **DATA, networks=10)
    assert machine.networks_run == 17
    assert made.error.networks == 10
    assert load_calibration(SPACE, machine.cache, **DATA) is not None


def test_a_calibration_in_noise_alone_is_refused_and_goes_on_later(tmp_path: Path) -> None:
    machine: Any = MadeUpMachine(tmp_path)
    machine.disturbed_runs = 28  # of three attempts at 10 networks
    with pytest.raises(DisturbedError, match=r"8 of 10 networks .* 3 attempts"):
        calibrate(SPACE, machine, **DATA, networks=10)
    assert load_calibration(SPACE, machine.cache, **DATA) is None
    calibrate(SPACE, machine, **DATA, networks=10)
    assert machine.networks_run == 38, "what was measured well is not measured again"


def test_noisy_parts_are_measured_again_and_replace_nothing() -> None:
    table, part = PartTable(), parts_of(REFERENCE)[0]
    table.add(part, 2.0, noisy=True)
    assert (table.find(part), table.is_due(part)) == (2.0, True)
    table.add(part, 1.0, noisy=False)
    table.add(part, 3.0, noisy=True)
    assert (table.find(part), table.is_due(part)) == (1.0, False)


def test_errors_are_counted_relative_to_what_was_measured() -> None:
    found = PredictionError.of([1.0, 2.19, 2.3, 0.5], [1.0, 2.0, 2.0, 1.0])
    assert (found.networks, found.good_share) == (4, 0.5)
    assert found.median == pytest.approx(0.1225)


def test_what_is_known_of_a_plugin_s_block_holds_for_its_text_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id and call are the same after it was edited; its times are not."""
    machine: Any = MadeUpMachine(tmp_path)
    made, table = calibrate(SPACE, machine, **DATA, networks=10), PartTable.load
    part = next(iter(parts_of(workloads(1)[0])))
    known = table(machine.cache.folder).find(part)
    assert known is not None

    def digest(words: Iterable[str]) -> str:
        return "1234abcd" if {"ConvNormAct", "separable"} & set(words) else ""

    for module in ("_parts", "_calibrate"):
        monkeypatch.setattr(f"nas.latency.{module}.plugin_digest", digest)
    assert "ConvNormAct" in part_tags(part[0])
    assert table(machine.cache.folder).find(part) is None
    assert load_calibration(SPACE, machine.cache, **DATA) is None
    assert made.predictor.table.entries


def test_noise_has_less_say_in_the_correction(tmp_path: Path) -> None:
    machine, table = MadeUpMachine(tmp_path), PartTable()
    whole = workloads(40)
    for workload in whole:
        for part, ratio, noisy in machine.part_ratios(parts_of(workload)):
            table.add(part, ratio, noisy=noisy)
    truth = [machine.network(workload) for workload in whole]
    disturbed = [3 * ratio if number % 8 == 0 else ratio for number, ratio in enumerate(truth)]

    def median_error(spread: float) -> float:
        measured = [
            latency(ratio, spread if number % 8 == 0 else 0.01)
            for number, ratio in enumerate(disturbed)
        ]
        learned, _ = Predictor(table).learn(whole, measured)
        return PredictionError.of([learned.ratio(one) for one in whole], truth).median

    assert median_error(spread=0.5) < median_error(spread=0.01) / 2


def test_networks_that_would_enlarge_the_images_are_left_out() -> None:
    text = (
        "stem: {conv: {channels: 4}}\nstages: [{channels: 8, block: conv}]\nhead: gap_linear\n"
        "resolution: {choice: [16, 32, 48]}\n"
    )
    space = parse_space(text, source="open.yaml", name="open")
    stream = random_workloads(space, random.Random(0), *DATA.values())
    found = {next(stream).input_shape for _ in range(30)}
    assert found == {(3, 16, 16), (3, 32, 32)}
    with pytest.raises(IllegalArchitecture, match="no network for 3x8x8 images"):
        next(random_workloads(space, random.Random(0), (3, 8, 8), 10, tries=5))


def test_too_few_networks_and_too_small_images_are_refused(tmp_path: Path) -> None:
    machine: Any = MadeUpMachine(tmp_path)
    with pytest.raises(OptionError, match="`networks` 3: at least 10"):
        calibrate(SPACE, machine, **DATA, networks=3)
    unpadded = parse_space(
        "stem: {conv: {channels: {choice: [4, 8]}, kernel: 5, padding: valid}}\n"
        "stages: [{channels: 8, depth: 1, block: conv}]\n"
        "head: gap_linear\n",
        source="unpadded.yaml",
        name="unpadded",
    )
    with pytest.raises(IllegalArchitecture, match="no network for 3x4x4 images"):
        next(random_workloads(unpadded, random.Random(0), (3, 4, 4), 10, tries=5))
