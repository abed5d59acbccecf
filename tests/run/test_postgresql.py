"""A search in a real PostgreSQL whose server is stopped and started again in the middle."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from nas.errors import OutageError
from nas.run import SearchOutcome, WorkerConfig, open_run, run_search
from nas.search import _patient, load_evaluations
from tests.run.postgresql import Server, tool
from tests.search.small import pretend_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nas.run import Run
    from nas.trial import Task, TrialResult
    from nas.workers import Evaluator, Factory, WorkerInfo

pytest.importorskip("psycopg")
pytestmark = pytest.mark.skipif(tool("initdb") is None, reason="PostgreSQL is not installed")

BUDGET = 8


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server.create()
    yield made
    made.remove()


def doing(seen: Counter[str], before: Callable[[int], None]) -> Factory:
    """Counts trainings; `before` hears of each, by its place."""

    def factory(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            before(seen.total())
            seen[task.arch.id] += 1
            return pretend_result(task.number, task.arch)

        return evaluate

    return factory


def go_on(run: Run, factory: Factory) -> SearchOutcome:
    return run_search(open_run(run.path), WorkerConfig(workers="local"), factory=factory)


def check_whole(run: Run, seen: Counter[str]) -> None:
    done = [
        one
        for one in load_evaluations(run.problem, run.address)
        if one.state in ("complete", "failed")
    ]
    assert len(done) == len({one.arch.id for one in done}) == len(seen) == BUDGET


def test_a_server_that_restarts_is_waited_for_and_nothing_is_trained_twice(
    make_session: Callable[..., Run], server: Server
) -> None:
    run, seen = make_session(budget=BUDGET, storage=server.url), Counter[str]()
    starters = []

    def restart(place: int) -> None:
        if place in (2, 5):
            server.stop()
            starters.append(threading.Timer(1.0, server.start))
            starters[-1].start()

    outcome = go_on(run, doing(seen, restart))
    for starter in starters:
        starter.join()

    assert (outcome.evaluated, outcome.new, seen.total()) == (BUDGET, BUDGET, BUDGET)
    check_whole(run, seen)
    log = run.folder.read_text("log.txt")
    assert log.count("the database is away") >= 2
    assert log.count("the database answers again") >= 2


def test_a_server_that_stays_away_ends_the_search_and_resume_heals_it(
    make_session: Callable[..., Run], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, seen = make_session(budget=BUDGET, storage=server.url), Counter[str]()
    with monkeypatch.context() as patch:
        patch.setattr(_patient, "PATIENCE_S", 2.0)

        def stop(place: int) -> None:
            if place == 3:
                server.stop()

        with pytest.raises(OutageError, match=r"has been away for \d+ s.* nas resume ") as caught:
            go_on(run, doing(seen, stop))
    assert str(run.path) in str(caught.value)
    assert seen.total() == 4
    server.start()
    assert go_on(run, doing(seen, lambda place: None)).evaluated == BUDGET
    check_whole(run, seen)
    # Only the network whose result could not be written was trained again.
    assert sorted(seen.values()) == [1] * (BUDGET - 1) + [2]
