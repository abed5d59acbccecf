"""With the real packages: what MLflow and TensorBoard read back is what the run says."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas.errors import OptionError, UserError
from nas.report import build_document
from nas.tracking import track_in_mlflow, track_in_tensorboard
from tests.report.documents import BEGAN_S, document, facts

if TYPE_CHECKING:
    from nas.report import Document

COUNT = 22


def climbing() -> Document:
    """A running search of a ladder: after 11 networks, as many wait on a rung."""
    whole = facts(COUNT)
    waiting = [
        replace(one, state="pruned", scores=None, failure=None, finished_s=None)
        for one in whole.evaluations[11:]
    ]
    evaluations = (*whole.evaluations[:11], *waiting)
    return build_document(replace(whole, evaluations=evaluations, live=True))


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of MLflow's without a run; making its tables takes seconds."""
    client = pytest.importorskip("mlflow.tracking", reason="needs the extra mlflow").MlflowClient
    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    client(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def uri(tmp_path: Path, empty_store: Path) -> str:
    return f"sqlite:///{shutil.copy(empty_store, tmp_path / 'mlflow.db')}"


@pytest.fixture(autouse=True)
def quiet_mlflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its artifacts go beside its database, not into the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_a_parent_and_a_child_for_every_network_trained(
    uri: str, tmp_path: Path
) -> None:
    from mlflow.tracking import MlflowClient

    made, artifact = document(COUNT), tmp_path / "report.json"
    artifact.write_text("{}")
    parent = track_in_mlflow(made, uri, artifacts=[artifact, tmp_path / "missing"])

    client = MlflowClient(tracking_uri=uri)
    run = client.get_run(parent)
    assert run.data.params["space"] == "lru_vgnet"
    assert run.data.metrics["hypervolume"] == pytest.approx(made.hypervolume)
    assert run.info.status == "FINISHED"
    assert [one.path for one in client.list_artifacts(parent)] == ["report.json"]

    children = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'"
    )
    trained = [one for one in made.networks if one.state in ("complete", "pruned", "failed")]
    assert {child.data.tags["nas.trial"] for child in children} == {
        str(one.trial) for one in trained
    }
    by_trial = {child.data.tags["nas.trial"]: child for child in children}
    first = made.networks[0]
    child = by_trial["0"]
    assert child.data.metrics["accuracy"] == pytest.approx(first.value("accuracy"))
    assert child.data.metrics["params"] == first.value("params")
    assert child.data.params["stages.0.block"] in ("lru", "half_identity", "separable", "conv")
    pruned = next(one for one in trained if one.state == "pruned")
    assert by_trial[str(pruned.trial)].info.status == "KILLED"
    assert "accuracy" not in by_trial[str(pruned.trial)].data.metrics
    assert by_trial[str(pruned.trial)].data.metrics["rung_accuracy"] == pytest.approx(
        pruned.rungs[0].accuracy
    )


@pytest.mark.filterwarnings("ignore")
def test_tracked_again_a_search_that_goes_on_gets_what_is_new(uri: str) -> None:
    from mlflow.tracking import MlflowClient

    parent = track_in_mlflow(replace(document(11), live=True), uri)
    client = MlflowClient(tracking_uri=uri)
    assert client.get_run(parent).info.status == "RUNNING"
    assert track_in_mlflow(document(COUNT), uri) == parent
    assert track_in_mlflow(document(COUNT), uri) == parent

    experiment = client.get_run(parent).info.experiment_id
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    trials = [child.data.tags["nas.trial"] for child in children]
    trained = [
        one for one in document(COUNT).networks if one.state in ("complete", "pruned", "failed")
    ]
    assert sorted(trials, key=int) == [str(one.trial) for one in trained]
    assert client.get_run(parent).info.status == "FINISHED"


@pytest.mark.filterwarnings("ignore")
def test_a_network_that_climbs_later_comes_with_what_it_ended_with(uri: str) -> None:
    from mlflow.tracking import MlflowClient

    parent = track_in_mlflow(climbing(), uri)
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_run(parent).info.experiment_id
    early = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    assert max(int(child.data.tags["nas.trial"]) for child in early) <= 10

    assert track_in_mlflow(document(COUNT), uri) == parent
    late = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    status = {child.data.tags["nas.trial"]: child.info.status for child in late}
    for one in document(COUNT).networks:
        if one.state == "complete":
            assert status[str(one.trial)] == "FINISHED"
    assert len(late) == len(status) > len(early)


@pytest.mark.filterwarnings("ignore")
def test_steps_of_the_hypervolume_are_logged_once_at_their_own_time(uri: str) -> None:
    from mlflow.tracking import MlflowClient

    made = document(COUNT)
    parent = track_in_mlflow(climbing(), uri)
    for _ in range(2):
        assert track_in_mlflow(made, uri) == parent
    history = MlflowClient(tracking_uri=uri).get_metric_history(parent, "hypervolume")

    steps = [one.step for one in history]
    assert len(steps) == len(set(steps))
    values = {one.step: (one.value, one.timestamp) for one in history}
    for one in made.progression:
        when = round(1e3 * (BEGAN_S + one.seconds))
        assert values[one.networks] == (pytest.approx(one.hypervolume), when)


@pytest.mark.filterwarnings("ignore")
def test_a_run_is_itself_however_its_folder_is_typed(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = replace(document(11), name="runs/digits")
    first = track_in_mlflow(typed, uri)
    for name in ("./runs/digits", "runs/../runs/digits", str(tmp_path / "runs" / "digits")):
        assert track_in_mlflow(replace(typed, name=name), uri) == first

    # Another machine's of that name, and another project's.
    elsewhere = replace(typed, environment={**typed.environment, "load_average": 0.25})
    assert track_in_mlflow(elsewhere, uri) != first
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    assert track_in_mlflow(typed, uri) != first


@pytest.mark.filterwarnings("ignore")
def test_an_address_that_is_none_is_named() -> None:
    pytest.importorskip("mlflow", reason="needs the extra mlflow")
    with pytest.raises(OptionError, match="`mlflow` nonsense://x"):
        track_in_mlflow(document(11), "nonsense://x")


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_progress_curves_and_networks(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    made = document(COUNT)
    for _ in range(2):  # a second time replaces the first
        own = track_in_tensorboard(made, tmp_path / "logs")

    progress = EventAccumulator(str(own / "search")).Reload()
    steps = progress.Scalars("front/hypervolume")
    assert [one.step for one in steps] == [one.networks for one in made.progression]
    assert steps[-1].value == pytest.approx(made.hypervolume)
    assert len(progress.Scalars("network/accuracy")) == made.count("complete")

    final = EventAccumulator(str(own / "final" / made.finals[0].arch_id)).Reload()
    assert len(final.Scalars("val_accuracy/seed 0")) == 10

    network = made.networks[0]
    folder = own / "networks" / network.arch_id
    session = EventAccumulator(str(folder)).Reload()
    assert session.Scalars("nas/accuracy")[0].value == pytest.approx(network.value("accuracy"))
    assert "_hparams_/session_start_info" in session.summary_metadata


@pytest.fixture
def tensorboard() -> None:
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")


@pytest.mark.filterwarnings("ignore")
def test_a_log_folder_may_hold_anything_else(tensorboard: None, tmp_path: Path) -> None:
    package, mine = tmp_path / "nas" / "__init__.py", tmp_path / "events.out.tfevents.mine"
    package.parent.mkdir()
    package.touch()
    mine.touch()
    for _ in range(2):
        own = track_in_tensorboard(document(11), Path())
        (own / "notes.md").touch()

    assert package.exists()
    assert mine.exists()
    assert (own / "notes.md").exists()
    assert len(list((own / "search").iterdir())) == 1


@pytest.mark.filterwarnings("ignore")
def test_runs_of_one_name_lie_side_by_side(tensorboard: None, tmp_path: Path) -> None:
    names = ("a/runs/digits", "b/runs/digits")
    first, second = (
        track_in_tensorboard(replace(document(11), name=name), tmp_path) for name in names
    )

    assert first != second
    assert first.name.startswith("digits-")
    for own in (first, second):
        assert list((own / "search").glob("events.out.tfevents.*"))


@pytest.mark.filterwarnings("ignore")
def test_a_folder_that_is_not_ours_is_left_as_it_is(tensorboard: None, tmp_path: Path) -> None:
    own = track_in_tensorboard(document(11), tmp_path)
    (own / "written_by_nas_track.txt").unlink()
    before = sorted(own.rglob("*"))

    with pytest.raises(UserError, match=rf"{own.name} is there and `nas track` did not write it"):
        track_in_tensorboard(document(11), tmp_path)
    assert sorted(own.rglob("*")) == before


@pytest.mark.filterwarnings("ignore")
def test_times_of_a_running_ladder_search_are_true(tensorboard: None, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    own = track_in_tensorboard(climbing(), tmp_path)
    progress = EventAccumulator(str(own / "search")).Reload()
    events = progress.Scalars("front/hypervolume")

    assert min(one.wall_time for one in events) == BEGAN_S
    assert max(one.step for one in events) <= 11


@pytest.mark.parametrize(
    ("package", "call"),
    [("mlflow", track_in_mlflow), ("tensorboard", track_in_tensorboard)],
)
def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str, call: object
) -> None:
    monkeypatch.setattr(f"nas.tracking._{package}.find_spec", lambda name: None)
    with pytest.raises(OptionError, match=rf"pip install 'reuse-nas\[{package}\]'"):
        call(document(11), tmp_path)  # type: ignore[operator]
