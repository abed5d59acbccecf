"""The data of a run: at the size asked for, described, written down, and the same on resume."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nas.cost import cost_of
from nas.data import DataOptions
from nas.errors import DataError, RunFolderError
from nas.run import ProxyFactory, Run, WorkerConfig, open_run, run_search
from nas.workers import WorkerInfo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeSession = Callable[..., Run]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """90 images of 16x16 in three classes: the brighter, the higher the class."""
    labels = np.arange(90) % 3
    images = np.random.default_rng(0).integers(0, 40, (90, 16, 16), dtype=np.uint8)
    images += (90 * labels).astype(np.uint8)[:, None, None]
    np.savez(tmp_path / "steps.npz", images=images, labels=labels)
    return tmp_path / "steps.npz"


def _search(session: Run) -> Any:
    return run_search(session, WorkerConfig(workers="local"))


def _rewrite(path: Path, **changed: Any) -> None:
    with np.load(path) as before:
        np.savez(path, **dict(before) | changed)


def test_the_size_trained_at_is_the_size_of_everything(
    make_session: MakeSession, data: Path, tmp_path: Path
) -> None:
    options = DataOptions(resolution=(8, 12), resize="stretch")
    session = make_session(data=str(data), data_options=options, budget=1)

    assert session.problem.input_shape == (1, 8, 12)
    _search(session)
    (files,) = open_run(session.path).export("best", tmp_path / "net")
    text = files.module.read_text()
    assert "1x8x12 image" in text
    assert "(B, 1, 8, 12)" in text
    arch = session.problem.space.decode(session.facts.start)
    cost = session.problem.candidate(session.facts.start).cost
    assert cost is not None
    assert cost.macs == cost_of(arch, input_shape=(1, 8, 12), num_classes=3).macs


def test_workers_read_the_data_as_the_driver_does(make_session: MakeSession, data: Path) -> None:
    session = make_session(data=str(data), data_options=DataOptions(resolution=(8, 8)))

    evaluator = ProxyFactory.of(session)(WorkerInfo(index=0, device="cpu", num_threads=1))

    assert evaluator._data.input_shape == (1, 8, 8)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"images": np.zeros((90, 12, 12, 3), np.uint8), "labels": np.arange(90) % 4},
            r"\(1x16x16, 3 classes; now 3x12x12, 4 classes\)",
        ),
        ({"labels": (np.arange(90) + 1) % 3}, "the same images, but with other labels"),
    ],
)
def test_other_data_are_refused_on_resume(
    make_session: MakeSession, data: Path, changed: dict[str, Any], message: str
) -> None:
    session = make_session(data=str(data))
    _rewrite(data, **changed)

    with pytest.raises(RunFolderError, match=f"not what this search began with.*{message}"):
        _search(open_run(session.folder.path))
    with pytest.raises(RunFolderError, match="not what this search began with"):
        ProxyFactory.of(session)(WorkerInfo(index=0, device="cpu", num_threads=1))


def test_the_same_data_written_anew_are_the_same_data(
    make_session: MakeSession, data: Path
) -> None:
    session = make_session(data=str(data), budget=1)
    _rewrite(data)

    assert _search(open_run(session.folder.path)).evaluated == 1


def test_what_the_data_are_is_written_down(make_session: MakeSession, data: Path) -> None:
    session = make_session(data=str(data))
    said, split = (session.folder.read_json(name) for name in ("data.json", "split.json"))

    assert (said["train"], said["val"], said["test"]) == (63, 12, 15)
    assert split["made"] == ["val", "test"]
    rows = [row for part in ("train", "val", "test") for row in split[part]]
    assert sorted(rows) == list(range(90))
    assert session.data is not None
    assert session.data.lines()[0] in "\n".join(session.data.lines())


def test_accuracy_counts_from_the_most_frequent_class(
    make_session: MakeSession, data: Path
) -> None:
    _rewrite(data, labels=(np.arange(90) % 9 == 0).astype(np.int64))
    session = make_session(data=str(data))

    (axis,) = (one for one in session.box.axes if one.objective.name == "accuracy")

    assert axis.worst == session.chance > 0.8


def test_a_bad_test_image_is_found_before_anything_is_trained(
    make_session: MakeSession, data: Path
) -> None:
    with np.load(data) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    np.savez(
        data, images=images, labels=labels, test_images=images[:3, :9], test_labels=labels[:3]
    )

    with pytest.raises(DataError, match="test_images are"):
        make_session(data=str(data))


INFO = WorkerInfo(index=0, device="cpu", num_threads=1)


def test_a_cluster_is_sent_the_data(make_session: MakeSession, data: Path) -> None:
    run = make_session(data=str(data))
    factory = ProxyFactory.of(run, carry=True)
    data.unlink()

    sent = pickle.loads(pickle.dumps(factory))

    assert sent(INFO)._data.input_shape == run.problem.input_shape  # type: ignore[attr-defined]


def test_more_than_can_be_sent_must_be_on_every_machine(
    make_session: MakeSession, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.run._data.CARRIED_BYTES", 1_000)
    factory = ProxyFactory.of(make_session(data=str(data)), carry=True)
    assert factory.carried is None
    assert factory(INFO)
    data.unlink()

    with pytest.raises(DataError, match=r"no such file.*must be on every machine, under the same"):
        factory(INFO)


@pytest.mark.parametrize(
    ("config", "address", "expected"),
    [
        (WorkerConfig(), None, False),
        (WorkerConfig(address="auto"), None, True),
        (WorkerConfig(), "127.0.0.1:6379", True),
        (WorkerConfig(workers="local"), "127.0.0.1:6379", False),
    ],
)
def test_a_cluster_is_what_has_an_address(
    config: WorkerConfig, address: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if address:
        monkeypatch.setenv("RAY_ADDRESS", address)

    assert config.is_cluster is expected
