"""With the real packages: what MLflow and TensorBoard read back is what the run says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nas.errors import OptionError
from nas.tracking import track_in_mlflow, track_in_tensorboard
from tests.report.documents import document

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 22


@pytest.fixture
def uri(tmp_path: Path) -> str:
    pytest.importorskip("mlflow", reason="needs the extra mlflow")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


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
def test_an_address_that_is_none_is_named() -> None:
    pytest.importorskip("mlflow", reason="needs the extra mlflow")
    with pytest.raises(OptionError, match="--mlflow nonsense://x"):
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
