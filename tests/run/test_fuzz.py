"""Run folders that something has damaged: read, or refused with a message."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from nas.errors import NasError, PluginError, RunFolderError
from nas.run import WorkerConfig, open_run, run_search
from nas.run._deaths import NOTES, NotingPool
from nas.run._document import document_of
from nas.trial import Task
from nas.workers import LocalPool
from tests.run.damage import damaged
from tests.run.published import PUBLISHED
from tests.search.small import pretending

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.run import Run

FILES = ("search.json", "data.json", "environment.json", "study.journal", "space.yaml")
PATTERNS = (*FILES, "weights/*.safetensors", "final/**/*.json", "final/**/*.safetensors")


@pytest.fixture
def done(make_session: Callable[..., Run]) -> Run:
    run = make_session(budget=3)
    run_search(run, WorkerConfig(workers="local"))
    return with_finals(run)


def with_finals(run: Run) -> Run:
    """As if the front had been trained in full: the published files, of this run's networks."""
    final = json.loads((PUBLISHED / "final" / "final.json").read_text())
    pairs = list(zip(run.front(), final["members"], strict=False))
    final["members"] = [
        there | {"arch_id": one.arch_id, "trial": one.trial} for one, there in pairs
    ]
    for one, there in pairs:
        source = PUBLISHED / "final" / "networks" / there["arch_id"]
        folder = run.path / "final" / "networks" / one.arch_id
        (folder / "export").mkdir(parents=True)
        shutil.copy(source / "report.json", folder)
        shutil.copy(next((source / "export").glob("*.json")), folder / "export")
        shutil.copy(run.folder.weights(one.arch_id), folder / "weights.safetensors")
    (run.path / "final" / "final.json").write_text(json.dumps(final))
    return run


def read(path: Path) -> None:
    """All that is read of a run without training."""
    run = open_run(path)
    _ = run.state, run.num_paused, run.trials(), run.hypervolume()
    run.dataframe()
    document_of(run)
    for member in (*run.front(), *run.finals()):
        member.model()


def fuzz(run: Run, seeds: range) -> tuple[int, int]:
    """How many damaged folders were read, and how many were refused."""
    there = [path for pattern in PATTERNS for path in sorted(run.path.glob(pattern))]
    count = refused = 0
    for seed in seeds:
        rng = random.Random(seed)
        path = rng.choice(there)
        before = path.read_bytes()
        path.write_bytes(damaged(path, before, rng))
        try:
            read(run.path)
            count += 1
        except NasError as error:
            assert str(error), seed
            refused += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}, {path.name}: {error!r}") from error
        finally:
            path.write_bytes(before)
    return count, refused


def test_forty_damaged_folders(done: Run) -> None:
    count, refused = fuzz(done, range(40))
    assert min(count, refused) > 10, "both are tried"


@pytest.mark.parametrize("name", ["train_images", "val_images", "num_classes"])
def test_facts_that_no_data_have_are_refused(done: Run, name: str) -> None:
    written = done.folder.read_json("search.json")
    written["facts"][name] = 0
    done.folder.write_json("search.json", written)
    with pytest.raises(RunFolderError, match=rf"search\.json: is damaged: .*{name}"):
        open_run(done.path)


@pytest.mark.parametrize(
    ("pattern", "field", "change"),
    [
        ("export/*.json", "accuracy", {"evidence": {"accuracy": "much"}}),
        ("report.json", "accuracy", {"validation": {"accuracy": {"mean": []}}}),
    ],
)
def test_figures_of_finalists_that_are_none_are_refused(
    done: Run, pattern: str, field: str, change: dict[str, dict[str, Any]]
) -> None:
    path = next(done.path.glob(f"final/networks/*/{pattern}"))
    plain = json.loads(path.read_text())
    [(name, values)] = change.items()
    path.write_text(json.dumps(plain | {name: plain[name] | values}))
    with pytest.raises(RunFolderError, match=f"{path.name}: is damaged: {field}: "):
        done.finals()


def test_damaged_plugins_are_refused(done: Run) -> None:
    module = ("null", "3", "[]", "{}", '""', '"no_such_module"')
    file = ("3", "[]", '"\\u0000"', '"1 +"', '"FAMILY = 3"')
    contents = [
        *("nonsense", "null", "3", "[1]", "[null]", '[{"name": "x"}]'),
        *(f'[{{"module": {one}}}]' for one in module),
        *(f'[{{"module": "x", "text": {one}, "path": "x.py"}}]' for one in file),
        '[{"module": "x", "text": "1 +", "path": 3}]',
    ]
    for content in contents:
        (done.path / "plugins.json").write_text(content)
        with pytest.raises((RunFolderError, PluginError)):
            open_run(done.path)


def test_a_damaged_note_of_a_death_is_none(done: Run) -> None:
    arch, fidelity = done.front()[0].arch, done.settings.fidelity
    name = f"{arch.id}-{fidelity.epochs}@{fidelity.resolution}.json"
    (done.path / NOTES).mkdir(exist_ok=True)
    task = Task(number=0, arch=arch, fidelity=fidelity, seed=0)
    half = ('{"total": "x"}', '{"total": null, "alone": {}}', '{"a": 1}', '{"total": [9]}')
    with NotingPool(LocalPool(pretending), done.folder, done.problem) as pool:
        for content in ("", "null", "3", "[]", "{}", *half):
            (done.path / NOTES / name).write_text(content)
            pool.submit(task)
            result = pool.next_result()
            assert result is not None
            assert result.ok


def test_signals_may_be_long(done: Run) -> None:
    """Ten seconds of sound are 160,000 values."""
    assert replace(done.facts, input_shape=(1, 1, 160_000)).input_shape[2] == 160_000


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(1000, 21_000, 1_000))
def test_twenty_thousand_damaged_folders(done: Run, first: int) -> None:
    count, refused = fuzz(done, range(first, first + 1_000))
    assert min(count, refused) > 100
