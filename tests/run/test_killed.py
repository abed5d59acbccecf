"""`kill -9` at any moment: no finished trial lost, none repeated, the total budget kept."""

from __future__ import annotations

import multiprocessing
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from nas.run import WorkerConfig, open_run, run_search
from nas.search import load_evaluations
from tests.run.killed_search import search_slowly
from tests.search.small import MEDIUM, pretending

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.process import BaseProcess

    from nas.run import Run
    from nas.trial import Evaluation

    MakeSession = Callable[..., Run]

FORKS = multiprocessing.get_context("forkserver")
# torch takes seconds to import; here it is imported once for all the processes killed.
FORKS.set_forkserver_preload(["tests.run.killed_search"])


@pytest.fixture
def medium_file(tmp_path: Path) -> Path:
    path = tmp_path / "medium.yaml"
    path.write_text(MEDIUM)
    return path


def start(session: Run, log: Path, seconds: float) -> BaseProcess:
    process = FORKS.Process(target=search_slowly, args=(session.folder.path, log, seconds))
    process.start()
    return process


def real(session: Run) -> dict[int, Evaluation]:
    settled = load_evaluations(session.problem, session.address)
    return {one.number: one for one in settled if one.state in ("complete", "failed")}


def kill_until_done(session: Run, log: Path, *, seconds: float, kills: int) -> None:
    rng, known = random.Random(1), real(session)
    for _ in range(kills):
        process = start(session, log, seconds)
        time.sleep(rng.uniform(0.05, 1.0))
        process.kill()
        process.join()
        now = real(session)
        assert known.items() <= now.items(), "a finished trial was lost or changed"
        known = now
    run_search(
        open_run(session.folder.path),
        WorkerConfig(workers="local"),
        factory=pretending,
    )
    assert known.items() <= real(session).items()


def check_whole(session: Run, budget: int) -> None:
    done = list(real(session).values())
    assert len(done) == len({one.arch.id for one in done}) == budget
    storage = JournalStorage(JournalFileBackend(str(session.folder.journal)))
    trials = optuna.load_study(study_name="small", storage=storage).trials
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert all(trial.state.is_finished() for trial in trials)
    kept = {path.stem for path in (session.folder.path / "weights").glob("*.safetensors")}
    assert {row.arch_id for row in session.report().report.front} <= kept


def test_a_search_killed_a_few_times_is_whole_in_the_end(
    make_session: MakeSession, medium_file: Path, tmp_path: Path
) -> None:
    session, log = make_session(space=str(medium_file), budget=250), tmp_path / "trained"
    log.touch()
    kill_until_done(session, log, seconds=0.0, kills=6)

    check_whole(session, 250)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("sampler", ["evolution", "tpe", "nsga2", "random"])
def test_a_search_killed_many_times_is_whole_in_the_end(
    make_session: MakeSession, medium_file: Path, tmp_path: Path, sampler: str
) -> None:
    session = make_session(space=str(medium_file), budget=300, sampler=sampler)
    log = tmp_path / "trained"
    log.touch()
    kill_until_done(session, log, seconds=0.001, kills=12)

    check_whole(session, 300)


def test_a_network_whose_result_was_written_is_never_trained_again(
    make_session: MakeSession, medium_file: Path, tmp_path: Path
) -> None:
    session, log = make_session(space=str(medium_file), budget=60), tmp_path / "trained"
    log.touch()
    process = start(session, log, 0.02)
    while len(log.read_text().splitlines()) < 8:
        time.sleep(0.005)
    process.kill()
    process.join()
    written = {one.arch.id for one in real(session).values()}
    before = len(log.read_text().splitlines())
    search_slowly(session.folder.path, log, 0.0)

    later = log.read_text().splitlines()[before:]
    assert len(written) >= 7
    assert written.isdisjoint(later)
    assert len(later) == 60 - len(written)
