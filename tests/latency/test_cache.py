"""What was measured before is not measured again, unless it was noisy or somebody insists."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from nas.latency import REFERENCE, Latency, LatencyCache, LatencyMeter, Workload

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

QUIET = Latency(
    latency_ms=0.4,
    reference_ms=0.1,
    ratio=4.0,
    ratio_low=3.96,
    ratio_high=4.04,
    rounds=10,
    rejected=1,
    noisy=False,
    core_share=0.98,
    device="a processor",
    runtime="a runtime 1.0",
)
NOISY = dataclasses.replace(QUIET, latency_ms=0.9, noisy=True)


@pytest.fixture
def cache(tmp_path: Path) -> LatencyCache:
    return LatencyCache(root=tmp_path, device="Two (R) words", runtime="run 1.2")


def test_the_spread_is_a_share_of_the_ratio() -> None:
    assert QUIET.spread == pytest.approx(0.02)


def test_a_latency_comes_back_as_it_was(cache: LatencyCache) -> None:
    assert cache.load(REFERENCE) is None
    cache.store(REFERENCE, QUIET)
    assert cache.load(REFERENCE) == QUIET


def test_device_runtime_shape_and_classes_make_another_subject(cache: LatencyCache) -> None:
    cache.store(REFERENCE, QUIET)
    for change in ({"device": "another"}, {"runtime": "run 1.3"}):
        assert dataclasses.replace(cache, **change).load(REFERENCE) is None
    for other in (
        dataclasses.replace(REFERENCE, input_shape=(3, 33, 32)),
        dataclasses.replace(REFERENCE, num_classes=11),
        Workload(arch=dataclasses.replace(REFERENCE.arch, stages=REFERENCE.arch.stages[:1])),
    ):
        assert cache.load(other) is None
    renamed = dataclasses.replace(REFERENCE.arch, name="the same network")
    assert cache.load(dataclasses.replace(REFERENCE, arch=renamed)) == QUIET


def test_a_plugin_whose_text_was_edited_is_another_subject(
    cache: LatencyCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.store(REFERENCE, QUIET)
    asked: set[str] = set()

    def digest(words: Iterable[str]) -> str:
        asked.update(words)
        return "1234abcd"

    monkeypatch.setattr("nas.latency._cache.plugin_digest", digest)
    assert cache.load(REFERENCE) is None
    assert {"SeparableBlock", "ResidualBlock", "GapLinear"} <= asked


def test_noise_replaces_nothing_quiet(cache: LatencyCache) -> None:
    cache.store(REFERENCE, NOISY)
    assert cache.load(REFERENCE) == NOISY
    cache.store(REFERENCE, QUIET)
    cache.store(REFERENCE, NOISY)
    assert cache.load(REFERENCE) == QUIET


def test_a_file_that_was_cut_off_or_is_of_another_version_is_nothing(cache: LatencyCache) -> None:
    cache.store(REFERENCE, QUIET)
    (file,) = cache.folder.glob(f"{REFERENCE.arch.id}*")
    for content in (file.read_text()[:40], '{"latency_ms": 1}'):
        file.write_text(content)
        assert cache.load(REFERENCE) is None
    assert {one.name for one in cache.folder.iterdir()} == {file.name, "references.json"}


def test_the_best_reference_is_forgotten_when_the_machine_is_slower_for_good(
    cache: LatencyCache,
) -> None:
    assert cache.best_reference_ms() == float("inf")
    cache.store(REFERENCE, dataclasses.replace(QUIET, reference_ms=0.06))
    for count in range(20):
        assert cache.best_reference_ms() == 0.06, count
        cache.store(REFERENCE, NOISY)
    assert cache.best_reference_ms() == NOISY.reference_ms


def test_the_meter_measures_only_what_it_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    answers, floors = [NOISY, QUIET, QUIET], []

    def measure(workload: Workload, *, best_reference_ms: float, **rest: object) -> Latency:
        floors.append(best_reference_ms)
        return answers.pop(0)

    monkeypatch.setattr("nas.latency._meter.measure_latency", measure)
    meter = LatencyMeter(folder=tmp_path)
    assert meter.measure(REFERENCE) == NOISY
    assert meter.measure(REFERENCE) == QUIET  # noise is worth another try
    assert meter.measure(REFERENCE) == QUIET
    assert len(answers) == 1
    meter.measure(REFERENCE, fresh=True)
    assert not answers
    assert floors == [float("inf"), 0.1, 0.1]
