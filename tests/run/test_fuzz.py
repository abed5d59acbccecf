"""Run folders that something has damaged: read, or refused with a message."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from nas.errors import NasError, RunFolderError
from nas.run import WorkerConfig, open_run, run_search
from nas.run._document import document_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.run import Run

LEAVES = (None, True, -1, 0, 3, 10**30, 0.5, float("nan"), "", "x", "4", [], [1], {}, {"a": 1})
"""What a value is replaced by."""
FILES = ("search.json", "data.json", "environment.json", "study.journal", "space.yaml")


@pytest.fixture
def done(make_session: Callable[..., Run]) -> Run:
    run = make_session(budget=3)
    run_search(run, WorkerConfig(workers="local"))
    return run


def leaves(plain: Any) -> list[tuple[Any, Any]]:
    """Every place in nested lists and dicts: the container and the key."""
    items = plain.items() if isinstance(plain, dict) else enumerate(plain)
    found = []
    for key, value in items:
        found.append((plain, key))
        if isinstance(value, dict | list):
            found += leaves(value)
    return found


def with_another_value(text: str, rng: random.Random) -> str:
    """JSON in which one value is another, or lacks."""
    plain = json.loads(text)
    container, key = rng.choice(leaves(plain))
    if rng.random() < 0.3:
        del container[key]
    else:
        container[key] = rng.choice(LEAVES)
    return json.dumps(plain)


def with_another_line(content: bytes, rng: random.Random) -> bytes:
    """One line is lost, doubled, cut or says something else."""
    lines = content.decode().splitlines()
    place, how = rng.randrange(len(lines)), rng.randrange(5)
    if how == 0:
        del lines[place]
    elif how == 1:
        lines.insert(rng.randrange(len(lines)), lines[place])
    elif how == 2:
        lines[place] = lines[place][: rng.randrange(len(lines[place]) + 1)]
    elif lines[place].startswith("{"):
        lines[place] = with_another_value(lines[place], rng)
    return "\n".join(lines).encode() + b"\n"


def with_other_bytes(content: bytes, rng: random.Random) -> bytes:
    """Cut, or with bytes changed."""
    if rng.random() < 0.5:
        return content[: rng.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def damaged(path: Path, content: bytes, rng: random.Random) -> bytes:
    """What becomes of a file."""
    if rng.random() < 0.2:
        return with_other_bytes(content, rng)
    if path.suffix == ".json":
        return with_another_value(content.decode(), rng).encode()
    return with_another_line(content, rng)


def read(path: Path) -> None:
    """All that is read of a run without training."""
    run = open_run(path)
    _ = run.state, run.num_paused, run.trials(), run.hypervolume()
    run.dataframe()
    document_of(run)
    for member in run.front():
        member.model()


def fuzz(run: Run, seeds: range) -> tuple[int, int]:
    """How many damaged folders were read, and how many were refused."""
    there = {name: (run.path / name).read_bytes() for name in FILES}
    count = refused = 0
    for seed in seeds:
        rng = random.Random(seed)
        path = run.path / rng.choice(FILES)
        path.write_bytes(damaged(path, there[path.name], rng))
        try:
            read(run.path)
            count += 1
        except NasError as error:
            assert str(error), seed
            refused += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}, {path.name}: {error!r}") from error
        finally:
            path.write_bytes(there[path.name])
    return count, refused


def test_a_hundred_damaged_folders(done: Run) -> None:
    count, refused = fuzz(done, range(100))
    assert min(count, refused) > 10, "both are tried"


@pytest.mark.parametrize("name", ["train_images", "val_images", "num_classes"])
def test_facts_that_no_data_have_are_refused(done: Run, name: str) -> None:
    written = done.folder.read_json("search.json")
    written["facts"][name] = 0
    done.folder.write_json("search.json", written)
    with pytest.raises(RunFolderError, match=rf"search\.json: is damaged: .*{name}"):
        open_run(done.path)


def test_signals_may_be_long(done: Run) -> None:
    """Ten seconds of sound are 160,000 values."""
    assert replace(done.facts, input_shape=(1, 1, 160_000)).input_shape[2] == 160_000


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(1000, 21_000, 1_000))
def test_twenty_thousand_damaged_folders(done: Run, first: int) -> None:
    count, refused = fuzz(done, range(first, first + 1_000))
    assert min(count, refused) > 100
