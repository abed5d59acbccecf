"""A run, live or over, as optuna-dashboard tells of it, by the answers that its page asks for."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from nas.run import Run, documents_of, run_search
from tests.run.conftest import LOCAL
from tests.run.test_ladder import FULL, LADDER
from tests.search.small import pretending

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.trial import Task, TrialResult
    from nas.workers import Evaluator, WorkerInfo

    MakeRun = Callable[..., Run]

dashboard = pytest.importorskip("optuna_dashboard", reason="needs optuna-dashboard")


def ask(app: Any, path: str) -> Any:
    """One answer of the dashboard, without a server."""
    status: list[str] = []
    environment = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SERVER_NAME": "local",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "QUERY_STRING": "after=0",
    }
    body = b"".join(app(environment, lambda code, headers, *rest: status.append(code)))
    assert status[0].startswith("200"), status
    return json.loads(body)


def ask_for_trials(run: Run) -> list[dict[str, Any]]:
    """Of a dashboard that is started now: one that runs looks every few seconds."""
    storage = JournalStorage(JournalFileBackend(str(run.path / "study.journal")))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    app = dashboard.wsgi(storage)
    (study,) = ask(app, "/api/studies")["study_summaries"]
    found: list[dict[str, Any]] = ask(app, f"/api/studies/{study['study_id']}")["trials"]
    return found


@pytest.mark.filterwarnings("ignore")
def test_a_search_is_shown_while_it_is_under_way(make_session: MakeRun) -> None:
    run = make_session("run", budget=4, ladder=(), sampler="random")
    shown: list[list[dict[str, Any]]] = []

    def watched(info: WorkerInfo) -> Evaluator:
        evaluate = pretending(info)

        def answer(task: Task) -> TrialResult:
            assert run.folder.is_locked()
            shown.append(ask_for_trials(run))
            return evaluate(task)

        return answer

    run_search(run, LOCAL, factory=watched)

    by_number = {one.number: one for one in run.trials()}
    for place, trials in enumerate(shown):
        states = Counter(trial["state"] for trial in trials)
        assert (states["Running"], states["Complete"]) == (1, place)
        for trial in trials:
            if trial["state"] == "Complete":
                scores = by_number[trial["number"]].scores
                assert scores is not None
                assert trial["values"][0] == pytest.approx(scores.accuracy)
    assert len(shown) == 4


@pytest.mark.filterwarnings("ignore")
def test_pruned_networks_are_pruned_and_rungs_are_intermediate_values(
    make_session: MakeRun,
) -> None:
    run = make_session("run", budget=20, fidelity=FULL, ladder=LADDER)
    run_search(run, LOCAL, factory=pretending)

    trials = ask_for_trials(run)
    (document,) = documents_of([run])
    states = Counter(trial["state"] for trial in trials)
    assert states["Pruned"] == document.count("pruned") > 0
    by_number = {trial["number"]: trial for trial in trials}
    for one in document.networks:
        if one.state in ("complete", "pruned"):
            shown = by_number[one.trial]["intermediate_values"]
            assert [value["value"] for value in shown] == pytest.approx(
                [scores.accuracy for scores in one.rungs]
            )
