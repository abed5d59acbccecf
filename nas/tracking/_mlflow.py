"""A search in MLflow: one parent run, a child for every network that was trained.

Through `MlflowClient`, which holds no global state: several processes may track at once. What is
there already is found by its tags and left alone, so that a search can be tracked again as it
goes on. A network that may yet climb the ladder is left for later.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import OptionError
from nas.tracking._words import ended, metrics_of, progress, run_id, safe, settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.report import Document, Network

PARENT = "mlflow.parentRunId"
RUN_TAG, ID_TAG, TRIAL_TAG = "nas.run", "nas.run_id", "nas.trial"
STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
"""As MLflow has it; a pruned network was stopped on purpose."""
MAX_PARAMS = 100
"""That MLflow takes in one call."""


def track_in_mlflow(
    document: Document,
    uri: str,
    *,
    experiment: str = "nas",
    artifacts: Sequence[Path] = (),
) -> str:
    """Write a run into the tracking server or folder at `uri`; returns the parent run's id.

    Args:
        document: The run.
        uri: As MLflow has it: `http://...`, `sqlite:///file.db`, or a folder.
        experiment: Made where it is missing.
        artifacts: Files that the parent run keeps; those that are not there are left out.

    Raises:
        OptionError: MLflow is not installed, or does not take what it is given.
    """
    if find_spec("mlflow") is None:
        raise OptionError("`mlflow`: mlflow is not installed: pip install 'reuse-nas[mlflow]'")
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    try:
        client = MlflowClient(tracking_uri=uri)
        return _track(client, document, _experiment(client, experiment), artifacts)
    except MlflowException as error:
        raise OptionError(
            f"`mlflow` {uri}: {error.message}; write the address of a tracking server, "
            "sqlite:///FILE or a folder"
        ) from error


def _experiment(client: Any, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


def _track(client: Any, document: Document, experiment: str, artifacts: Sequence[Path]) -> str:
    parent = _parent(client, document, experiment)
    known = _trials(client, experiment, parent)
    for one, ended_s in ended(document):
        if str(one.trial) not in known:
            _add(client, document, one, _ms(ended_s), experiment, parent)
    _log_progress(client, document, parent)
    for path in artifacts:
        if path.is_file():
            client.log_artifact(parent, str(path))
    if not document.live:
        client.set_terminated(parent)
    return parent


def _parent(client: Any, document: Document, experiment: str) -> str:
    """The run that stands for the search, found by its tag or made."""
    own = run_id(document)
    tag = f"tags.`{ID_TAG}` = '{own}'"
    found = client.search_runs([experiment], filter_string=tag, max_results=1)
    if found:
        return str(found[0].info.run_id)
    tags = {
        ID_TAG: own,
        RUN_TAG: str(Path(document.name).resolve()),
        "mlflow.runName": document.name,
        "mlflow.source.name": "nas",
    }
    made = str(client.create_run(experiment, tags=tags).info.run_id)
    facts = {
        "space": document.space,
        "data": document.dataset,
        "objectives": ", ".join(document.objectives),
        "limits": ", ".join(document.limits) or "none",
        "sampler": document.sampler,
        "seed": document.seed,
        "budget": document.budget,
        "trainings": ", then ".join(document.trainings),
    }
    for key, value in facts.items():
        client.log_param(made, key, value)
    return made


def _log_progress(client: Any, document: Document, parent: str) -> None:
    """The steps of the hypervolume that an earlier call has not logged."""
    known = {one.step for one in client.get_metric_history(parent, "hypervolume")}
    for step, time_s in progress(document):
        if step.networks not in known:
            when, value = _ms(time_s), step.hypervolume
            client.log_metric(parent, "hypervolume", value, timestamp=when, step=step.networks)


def _trials(client: Any, experiment: str, parent: str) -> set[str]:
    """Trials that have a child run already."""
    known, token = set(), None
    while True:
        page = client.search_runs(
            [experiment],
            filter_string=f"tags.`{PARENT}` = '{parent}'",
            max_results=1_000,
            page_token=token,
        )
        known |= {run.data.tags.get(TRIAL_TAG, "") for run in page if run.info.status != "RUNNING"}
        token = page.token
        if not token:
            return known


def _add(
    client: Any, document: Document, one: Network, when: int, experiment: str, parent: str
) -> None:
    """A child run for a network that ended at `when`, in Unix milliseconds."""
    from mlflow.entities import Metric, Param

    tags = {
        PARENT: parent,
        TRIAL_TAG: str(one.trial),
        "mlflow.runName": one.arch_id or f"trial {one.trial}",
        "nas.network": one.description[:5_000],
        "nas.state": one.state,
    }
    if one.failure is not None:
        tags["nas.failure"] = f"{one.failure.kind}: {one.failure.message}"[:5_000]
    run = client.create_run(experiment, tags=tags).info.run_id
    metrics = [
        Metric(safe(key), value, when, 0) for key, value in metrics_of(document, one).items()
    ]
    metrics += [
        Metric("rung_accuracy", scores.accuracy, when, rung)
        for rung, scores in enumerate(one.rungs)
    ]
    params = [Param(safe(key), value) for key, value in settings_of(document, one).items()]
    for start in range(0, max(len(params), 1), MAX_PARAMS):
        chosen = params[start : start + MAX_PARAMS]
        client.log_batch(run, metrics=() if start else metrics, params=chosen)
    client.set_terminated(run, STATUS[one.state])


def _ms(time_s: float) -> int:
    return round(1e3 * time_s)
