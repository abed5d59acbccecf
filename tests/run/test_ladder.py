"""A search that trains most networks a little and few of them in full."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from nas.errors import ModelFileError, OptionError
from nas.run import (
    Run,
    WorkerConfig,
    create_run,
    default_ladder,
    open_run,
    parse_ladder,
    run_search,
)
from nas.search import load_evaluations
from nas.trial import Fidelity, TrialResult
from tests.run.conftest import LOCAL
from tests.search.small import pretend_result, pretending

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.report import Snapshot
    from nas.run import SearchSettings
    from nas.trial import Evaluation, Task
    from nas.workers import Evaluator, WorkerInfo

    MakeSession = Callable[..., Run]
    Trained = Counter[tuple[str, int]]

FULL = Fidelity(epochs=4)
LADDER = (Fidelity(epochs=1), Fidelity(epochs=2))


def run(session: Run, trained: Trained, *, stop_after: int | None = None, fails: int = 0) -> None:
    """Note (network, epochs) of each training; Ctrl-C after so many; fail with so many epochs."""

    def factory(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            if stop_after is not None and trained.total() >= stop_after:
                raise KeyboardInterrupt
            trained[task.arch.id, task.fidelity.epochs] += 1
            if task.fidelity.epochs == fails:
                raise ZeroDivisionError
            return pretend_result(task.number, task.arch)

        return evaluate

    worker_config = WorkerConfig(workers="local")
    run_search(session, worker_config, factory=factory)


def by_epochs(trained: Trained) -> dict[int, int]:
    counts = Counter(epochs for _, epochs in trained)
    return dict(sorted(counts.items()))


def check_whole(session: Run, trained: Trained, budget: int) -> None:
    evaluations = load_evaluations(session.problem, session.address)
    states = Counter(one.state for one in evaluations)
    assert states["complete"] + states["pruned"] == budget
    for one in evaluations:
        if one.state in ("complete", "pruned"):
            climbed = 1 + len(one.rungs) if one.state == "complete" else len(one.rungs)
            assert {epochs for arch_id, epochs in trained if arch_id == one.arch.id} == set(
                (1, 2, 4)[:climbed]
            )
    storage = JournalStorage(JournalFileBackend(str(session.folder.journal)))
    trials = optuna.load_study(study_name="small", storage=storage).trials
    assert all(trial.state.is_finished() for trial in trials)
    assert sum(trial.state is TrialState.PRUNED for trial in trials) >= states["pruned"]
    check_intermediate_values(trials, evaluations)
    weights = {path.stem for path in (session.folder.path / "weights").glob("*")}
    assert weights == {row.arch_id for row in session.report().report.front}


def check_intermediate_values(
    trials: list[optuna.trial.FrozenTrial], evaluations: tuple[Evaluation, ...]
) -> None:
    """What optuna-dashboard draws of a trial: the accuracy on each rung below the top."""
    for one in evaluations:
        if one.state in ("complete", "pruned"):
            shown = trials[one.number].intermediate_values
            assert shown == {rung: scores.accuracy for rung, scores in enumerate(one.rungs)}
        assert one.finished_s is not None


@pytest.mark.parametrize("sampler", ["evolution", "model", "tpe", "nsga2"])
def test_a_third_of_the_networks_climbs_each_rung(make_session: MakeSession, sampler: str) -> None:
    trained: Trained = Counter()
    session = make_session(budget=36, fidelity=FULL, ladder=LADDER, sampler=sampler)
    run(session, trained)

    counts = by_epochs(trained)
    assert counts[1] == 36
    assert 4 <= counts[2] <= 12
    assert 1 <= counts[4] <= 4
    assert max(trained.values()) == 1
    check_whole(session, trained, 36)


def test_interrupted_and_resumed_nothing_is_trained_twice(make_session: MakeSession) -> None:
    trained: Trained = Counter()
    session = make_session(budget=30, fidelity=FULL, ladder=LADDER)
    for stop_after in range(1, 40, 3):
        run(open_run(session.folder.path), trained, stop_after=stop_after)
    run(open_run(session.folder.path), trained)

    assert max(trained.values()) == 1
    assert by_epochs(trained)[1] == 30
    check_whole(session, trained, 30)


def test_a_failure_high_on_the_ladder_is_a_record_with_its_earlier_scores(
    make_session: MakeSession,
) -> None:
    trained: Trained = Counter()
    session = make_session(budget=36, fidelity=FULL, ladder=LADDER)
    run(session, trained, fails=4)

    failed = [
        one for one in load_evaluations(session.problem, session.address) if one.state == "failed"
    ]
    assert failed
    assert all(len(one.rungs) == 2 and one.failure is not None for one in failed)
    log = session.folder.read_text("log.txt")
    assert "rung 2: failed, ZeroDivisionError" in log


def test_rungs_are_written_as_epochs_and_pixels() -> None:
    full = Fidelity(epochs=4, train_images=100, resolution=None)

    assert parse_ladder("1@14, 2@14,2", full, side=28) == (
        Fidelity(epochs=1, train_images=100, resolution=14),
        Fidelity(epochs=2, train_images=100, resolution=14),
        Fidelity(epochs=2, train_images=100),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no rung"),
        ("1,,2", "'' is no rung"),
        ("0", "'0' is no rung"),
        ("1@2", "'1@2' is no rung"),
        ("2,1", "2 is no cheaper than 1"),
        ("1,4", "4 is no cheaper than 4"),
        ("2@14,1@14", "2@14 is no cheaper than 1@14"),
        ("1@64", "1@64 is no cheaper than 4"),
    ],
)
def test_a_ladder_that_does_not_rise_is_refused(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_ladder(text, Fidelity(epochs=4), side=28)


@pytest.mark.parametrize(
    ("epochs", "resolution", "side", "ladder"),
    [
        (2, None, 28, ()),
        (1, None, 64, (Fidelity(epochs=1, resolution=32),)),
        (2, 64, 200, (Fidelity(epochs=1, resolution=32),)),
        (4, None, 27, (Fidelity(epochs=1),)),
        (2, None, 8, ()),
    ],
)
def test_unasked_images_are_halved_as_long_as_something_is_left_of_them(
    epochs: int, resolution: int | None, side: int, ladder: tuple[Fidelity, ...]
) -> None:
    assert default_ladder(Fidelity(epochs=epochs, resolution=resolution), side) == ladder


def test_the_command_line_comes_before_the_space_and_the_space_before_our_choice(
    settings: Callable[..., SearchSettings], space_file: Path, tmp_path: Path
) -> None:
    with_ladder = tmp_path / "with_ladder.yaml"
    with_ladder.write_text(f"ladder: 1@4,2\n{space_file.read_text()}")
    own = settings(space=str(with_ladder), fidelity=FULL)
    plain = settings(fidelity=FULL)

    def ladder(settings: SearchSettings, name: str, asked: str | None = None) -> str:
        session = create_run(settings, tmp_path / name, ladder=asked).run
        rungs = open_run(tmp_path / name).settings.ladder
        assert rungs == session.settings.ladder
        return ",".join(f"{rung.epochs}@{rung.resolution}" for rung in rungs or ())

    assert ladder(own, "asked", "2@6") == "2@6"
    assert ladder(own, "asked for none", "none") == ""
    assert ladder(own, "space") == "1@4,2@None"
    assert ladder(plain, "chosen") == "1@None"


def test_a_bad_ladder_of_the_space_is_named_with_its_file(
    settings: Callable[..., SearchSettings], space_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(f"ladder: 9\n{space_file.read_text()}")
    with pytest.raises(OptionError, match=r"bad\.yaml: ladder: 9: 9 is no cheaper than 4"):
        create_run(settings(space=str(path), fidelity=FULL), tmp_path / "run")
    path.write_text(f"ladder: [1]\n{space_file.read_text()}")
    with pytest.raises(ModelFileError, match=r"bad\.yaml:1: ladder: a string is needed"):
        create_run(settings(space=str(path), fidelity=FULL), tmp_path / "run")


def test_a_finished_search_goes_on_and_closed_networks_stay_closed(
    make_session: MakeSession,
) -> None:
    trained: Trained = Counter()
    session = make_session(budget=12, fidelity=FULL, ladder=LADDER)
    run(session, trained)
    closed = {one.number for one in session.trials() if one.state == "pruned"}
    larger = session.with_budget(30)
    run(larger, trained)

    assert closed
    assert closed <= {one.number for one in larger.trials() if one.state == "pruned"}
    assert max(trained.values()) == 1
    assert larger.num_evaluated == 30
    check_whole(larger, trained, 30)


@pytest.mark.parametrize("budget", [1, 2])
def test_a_search_of_very_few_networks_ends_with_one_in_full(
    make_session: MakeSession, budget: int
) -> None:
    trained: Trained = Counter()
    session = make_session(budget=budget, fidelity=FULL, ladder=LADDER)
    run(session, trained)

    assert [one.state for one in session.trials()].count("complete") == 1
    assert session.num_evaluated == budget
    assert len(session.front()) == 1


def test_a_failure_on_a_low_rung_keeps_no_other_network_from_full_training(
    make_session: MakeSession,
) -> None:
    first: list[str] = []

    def factory(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            first.append(task.arch.id)
            if task.arch.id == first[0]:
                raise ZeroDivisionError
            return pretend_result(task.number, task.arch)

        return evaluate

    session = make_session(budget=2, fidelity=FULL, ladder=LADDER)
    run_search(session, LOCAL, factory=factory)

    assert sorted(one.state for one in session.trials()) == ["complete", "failed"]


def test_a_failure_of_full_training_ends_a_search_of_very_few(make_session: MakeSession) -> None:
    trained: Trained = Counter()
    session = make_session(budget=2, fidelity=FULL, ladder=LADDER)
    run(session, trained, fails=4)

    assert by_epochs(trained) == {1: 2, 2: 1, 4: 1}


@pytest.mark.parametrize("stop_after", [1, 4, 5, 9, 13, 14])
def test_networks_on_the_ladder_are_evaluated_whoever_counts(
    make_session: MakeSession, stop_after: int
) -> None:
    seen: list[Snapshot] = []
    trained: Trained = Counter()
    session = make_session(budget=12, fidelity=FULL, ladder=LADDER)

    def factory(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            if trained.total() >= stop_after:
                raise KeyboardInterrupt
            trained[task.arch.id, task.fidelity.epochs] += 1
            return pretend_result(task.number, task.arch)

        return evaluate

    outcome = run_search(session, LOCAL, on_progress=seen.append, factory=factory)

    networks = by_epochs(trained)[1]
    assert outcome.interrupted
    assert outcome.evaluated == session.num_evaluated == seen[-1].done == networks
    assert outcome.waiting == session.num_paused
    assert session.state == "stopped"
    if networks > 1:
        with pytest.raises(OptionError, match=f"{networks} networks are evaluated already"):
            session.with_budget(networks - 1)
    again = run_search(session, LOCAL, factory=pretending)
    assert (again.evaluated, again.new, again.waiting) == (12, 12 - networks, 0)
    assert session.state == "finished"


def test_counts_agree_before_and_after_an_interruption(make_session: MakeSession) -> None:
    seen: list[Snapshot] = []
    session = make_session(budget=30, fidelity=FULL, ladder=LADDER)

    def stop(snapshot: Snapshot) -> None:
        seen.append(snapshot)
        if snapshot.done == 13:
            raise KeyboardInterrupt

    outcome = run_search(session, LOCAL, on_progress=stop, factory=pretending)
    states = Counter(one.state for one in session.trials())

    assert outcome.interrupted
    assert outcome.evaluated == seen[-1].done == 13
    assert states["complete"] == seen[-1].finished
    assert states["pruned"] + session.num_paused == seen[-1].pruned > 0
