"""Runs that were damaged: said in a sentence, and mended by `repair_run`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import torch

from nas.errors import RunFolderError, StorageError
from nas.run import (
    ProxyFactory,
    WorkerConfig,
    documents_of,
    open_run,
    repair_run,
    run_search,
)
from tests.search.small import pretending

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.run import Run
    from nas.workers import Evaluator, WorkerInfo

LOCAL = WorkerConfig(workers="local")


@pytest.fixture
def done(make_session: Callable[..., Run]) -> Run:
    """A search of three networks, really trained."""
    run = make_session(budget=3)
    run_search(run, LOCAL)
    return run


def test_a_run_that_is_whole_is_left_alone(done: Run) -> None:
    repaired = repair_run(done)

    assert (repaired.dropped, repaired.backup, repaired.trained, repaired.failed) == (
        *((), None),
        *((), ()),
    )


def test_a_bad_line_of_the_journal_is_named_and_dropped(done: Run) -> None:
    journal = done.folder.journal
    journal.write_text("nonsense\n" + journal.read_text())

    with pytest.raises(StorageError, match=r"line 1: is no entry of a journal; .*`nas repair "):
        done.trials()
    assert len(repair_run(done).dropped) == 1
    assert done.state == "finished"


def test_a_record_with_another_value_is_named_and_dropped(done: Run) -> None:
    journal = done.folder.journal
    journal.write_text(journal.read_text().replace('"macs":', '"macs":"many","was":', 1))

    with pytest.raises(StorageError, match=r"line \d+: .*macs: .*found 'many'.*`nas repair "):
        done.trials()
    assert "found 'many'" in repair_run(done).dropped[0]
    assert len(done.trials()) == 2
    assert done.state == "stopped"


def test_missing_weights_are_trained_again_to_the_same_bits(done: Run) -> None:
    member = done.front()[0]
    path = done.folder.weights(member.arch_id)
    before = path.read_bytes()
    path.unlink()

    with pytest.raises(RunFolderError, match=r"cannot be read: No such file.*nas repair"):
        member.model()
    said = f"1 network of the front without weights ({member.arch_id}), as"
    for remarks in (done.report().remarks, documents_of([done])[0].remarks):
        assert remarks[-1].startswith(said)
        assert f"`nas repair {done.path}` trains" in remarks[-1]
    with done.folder.lock():
        assert not any("without weights" in one for one in documents_of([done])[0].remarks)
    assert repair_run(done).trained == (member.arch_id,)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("session", "threads"), [("in process", 1), ("2 Ray workers, 3 CPU each", 3)]
)
def test_they_are_trained_with_as_many_threads_as_before(
    done: Run, session: str, threads: int
) -> None:
    log = done.path / "log.txt"
    log.write_text(log.read_text().replace("in process", session))
    member = done.front()[0]
    done.folder.weights(member.arch_id).unlink()
    seen: list[tuple[int, int]] = []

    def noting(info: WorkerInfo) -> Evaluator:
        seen.append((torch.get_num_threads(), info.num_threads))
        return ProxyFactory.of(done)(info)

    torch.set_num_threads(2)
    repair_run(done, factory=noting)

    assert seen == [(threads, threads)]
    assert torch.get_num_threads() == 2


def test_a_network_that_comes_out_otherwise_is_said_with_both_figures(
    make_session: Callable[..., Run],
) -> None:
    run = make_session(budget=3, objectives=("accuracy", "params"))
    run_search(run, LOCAL, factory=pretending)
    ids = {member.arch_id for member in run.front()}
    made = repair_run(run)

    assert not made.trained
    assert set(made.failed) == ids
    for fault in made.faults:
        assert re.match(r"comes out with accuracy 0\.\d+ instead of 0\.\d+, loss ", fault)
        assert "trained here with 1 thread on the " in fault
        assert "the search had: in process" in fault


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x00" * 64])
def test_weights_that_are_none_are_said_and_trained_again(done: Run, content: bytes) -> None:
    member = done.front()[0]
    done.folder.weights(member.arch_id).write_bytes(content)

    with pytest.raises(RunFolderError, match=f"holds no weights of network {member.arch_id}"):
        done.export(member.arch_id)
    assert repair_run(done).trained == (member.arch_id,)
    assert done.export(member.arch_id)


def test_what_goes_wrong_elsewhere_is_no_fault_of_the_weights(
    done: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object, **named: object) -> None:
        raise RuntimeError("no ONNX of this operator")

    monkeypatch.setattr("nas.run._results.export_network", fail)
    with pytest.raises(RuntimeError, match="no ONNX of this operator"):
        done.export("best")


def test_another_networks_weights_are_said(done: Run) -> None:
    from nas.model import build_model, save_weights
    from nas.space import load_architecture

    member = done.front()[0]
    other = build_model(load_architecture("lrunet_1_1x"), in_channels=1, num_classes=3)
    done.folder.weights(member.arch_id).write_bytes(save_weights(other))

    with pytest.raises(RunFolderError, match="holds no weights of network"):
        done.export(member.arch_id)


def test_an_edited_space_is_refused_with_what_to_do(done: Run) -> None:
    path = done.path / "space.yaml"
    path.write_text(path.read_text().replace("[4, 8]", "[4, 16]", 1))

    with pytest.raises(RunFolderError, match=r"space\.yaml: is not the space that was searched"):
        open_run(done.path)


def test_a_run_that_is_driven_is_not_repaired(done: Run) -> None:
    with (
        done.folder.lock(),
        pytest.raises(RunFolderError, match="another process is running this search"),
    ):
        repair_run(done)


def test_a_network_whose_record_is_damaged_is_trained_again(
    make_session: Callable[..., Run],
) -> None:
    run = make_session(budget=6)
    run_search(run, LOCAL, factory=pretending)
    lines = run.folder.journal.read_text().splitlines(keepends=True)
    records = [place for place, line in enumerate(lines) if '"user_attr":{"nas":{' in line]
    place = records[len(records) // 2]
    run.folder.journal.write_text("".join([*lines[:place], "damaged\n", *lines[place + 1 :]]))

    dropped = repair_run(run, factory=pretending).dropped
    assert len(dropped) == 2
    assert re.search(r"ends trial \d+, whose record is lost", dropped[1])
    assert run.num_evaluated == 5
    run_search(open_run(run.path), LOCAL, factory=pretending)
    assert open_run(run.path).num_evaluated == 6
