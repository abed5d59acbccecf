"""Metrics of a user's own: of the architecture, of the trained model, and from a plug-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nas.families import load_plugin
from nas.metrics import Limit, Metric, register_metric
from nas.run import WorkerConfig, open_run, run_search

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.run import Run

    MakeSession = Callable[..., Run]

LOCAL = WorkerConfig(workers="local")
PLUGIN = """
import nas

FAMILIES = ()


def stages(arch, input_shape, num_classes):
    return len(arch.stages) * input_shape[0]


nas.register(nas.Metric(name="num_stages", direction="minimize", unit="stages", compute=stages))
"""


pytestmark = pytest.mark.usefixtures("own_metrics")


def test_a_metric_of_the_trained_model_is_measured_where_it_is_trained(
    make_session: MakeSession,
) -> None:
    def spread(model: object, data: object) -> float:
        return sum(float(one.abs().mean()) for one in model.parameters())  # type: ignore[attr-defined]

    register_metric(
        Metric(
            name="weight_size",
            direction="minimize",
            unit="mean weights",
            source="scores",
            compute=spread,
            bounds=(0.0, 100.0),
        )
    )
    run = make_session(budget=2, objectives=("accuracy", "weight_size"), sampler="evolution")
    run_search(run, LOCAL)

    for member in run.front():
        assert member.scores.custom["weight_size"] == pytest.approx(
            spread(member.model(), None), rel=1e-3
        )


def test_a_metric_that_fails_fails_its_networks_alone(make_session: MakeSession) -> None:
    register_metric(
        Metric(
            name="broken",
            direction="minimize",
            unit="",
            source="scores",
            compute=lambda model, data: float("nan"),
            bounds=(0.0, 1.0),
        )
    )
    run = make_session(budget=1, objectives=("accuracy", "broken"), sampler="evolution")
    run_search(run, LOCAL)

    (trial,) = (one for one in run.trials() if one.state == "failed")
    assert trial.failure is not None
    assert "metric 'broken': gave nan" in trial.failure.message


def test_a_plug_in_may_hold_metrics_alone(make_session: MakeSession, tmp_path: Path) -> None:
    (tmp_path / "own_metrics.py").write_text(PLUGIN)
    assert load_plugin(str(tmp_path / "own_metrics.py")) == ()
    limits = (Limit(name="num_stages", maximum=1),)
    run = make_session(budget=1, objectives=("accuracy", "num_stages"), limits=limits)
    run_search(run, LOCAL)

    assert [one.cost.custom for one in open_run(run.path).front()] == [{"num_stages": 1.0}]
