"""The table of metrics, limits, and metrics of a user's own."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest

from nas.errors import EvaluationError, OptionError
from nas.metrics import (
    METRICS,
    Limit,
    Metric,
    check_measured,
    check_task,
    custom_metrics,
    find_metric,
    limit_of,
    parse_objectives,
    register_metric,
    score_of,
)
from nas.trial import Cost, Scores

COST = Cost(
    params=12_345,
    ring_params=0,
    kernel_params=12_000,
    frozen_params=0,
    macs=10**6,
    peak_activation_bytes=4096,
    latency_us=1500,
)
OF_TASKS = {metric.name: 0.9123 for metric in METRICS.values() if metric.task is not None}
SCORES = Scores(accuracy=0.9123, loss=0.3, train_s=1.5, custom=OF_TASKS)


def test_every_metric_reads_a_number_and_writes_it_for_people() -> None:
    texts = {name: one.text(one.value(COST, SCORES)) for name, one in METRICS.items()}

    assert texts["accuracy"] == "91.23 %"
    assert texts["params"] == "12.3 k"
    assert texts["macs"] == "1.00 M"
    assert texts["peak_activation_bytes"] == "4.10 kB"
    assert texts["int8_peak_activation_bytes"] == "1.02 kB"
    assert texts["latency"] == "1.5 ms"
    assert all(texts.values())


def test_every_measured_figure_has_a_metric_and_a_column_of_its_own() -> None:
    measured = {field.name for record in (Cost, Scores) for field in fields(record)} - {
        *("custom", "deploy")
    }
    columns = [one.column for one in METRICS.values()]

    assert measured <= set(columns)
    assert len(columns) == len(set(columns))


def test_losses_turn_accuracy_round_and_count_costs_in_decades() -> None:
    assert METRICS["accuracy"].loss(0.9) == -0.9
    assert METRICS["params"].loss(1000) == pytest.approx(3)
    assert METRICS["params"].loss(0) == 0
    assert METRICS["loss"].loss(0.25) == 0.25


@pytest.mark.parametrize(
    ("name", "text", "limit"),
    [
        ("params", "100k", Limit(name="params", maximum=100_000)),
        ("accuracy", "90%", Limit(name="accuracy", minimum=0.9)),
        ("accuracy", "0.9", Limit(name="accuracy", minimum=0.9)),
        ("latency", "0.5", Limit(name="latency", maximum=500)),
        ("loss", "0.4", Limit(name="loss", maximum=0.4)),
    ],
)
def test_limits_are_read_as_people_write_them(name: str, text: str, limit: Limit) -> None:
    assert limit_of(name, text) == limit


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("params", "many", "`limits` params many: write a whole number above 0"),
        ("accuracy", "140%", "`limits` accuracy 140%: write a share above 0, at most 1"),
        ("latency", "0", "`limits` latency 0: write a number above"),
        ("latency", "nan", "`limits` latency nan: write a number above"),
        ("parms", "3", "unknown metric 'parms', did you mean 'params'?"),
    ],
)
def test_a_bound_that_cannot_be_read_is_refused(name: str, text: str, said: str) -> None:
    with pytest.raises(OptionError, match=r".*") as caught:
        limit_of(name, text)
    assert said in str(caught.value)


@pytest.mark.parametrize("bound", [90, -0.1, float("nan"), float("inf")])
def test_a_share_that_is_none_is_refused(bound: float) -> None:
    with pytest.raises(OptionError, match=r"`limits` accuracy .*: write a "):
        limit_of("accuracy", bound)
    with pytest.raises(OptionError, match="`limits` accuracy "):
        check_measured(
            parse_objectives(["accuracy"]), [Limit(name="accuracy", minimum=bound)], "model"
        )


def test_a_limit_beyond_the_best_value_is_refused(own_metrics: None) -> None:
    register_metric(
        Metric(
            name="rank",
            direction="minimize",
            unit="rank",
            source="scores",
            compute=lambda model, data: 1.0,
            bounds=(1.0, 9.0),
        )
    )

    assert limit_of("rank", 1).maximum == 1.0
    with pytest.raises(OptionError, match=r"rank 0\.5: is beyond its best value; write a number"):
        limit_of("rank", 0.5)


def test_a_number_that_is_none_is_no_count() -> None:
    with pytest.raises(OptionError, match="`limits` params nan: write a finite number"):
        limit_of("params", float("nan"))


def test_a_limit_says_what_is_wrong_and_by_how_much() -> None:
    above, below = Limit(name="params", maximum=10_000), Limit(name="accuracy", minimum=0.95)

    assert above.complaint(10_000) is None
    assert above.complaint(12_345) == "params 12,345 exceeds the limit of 10,000"
    assert below.complaint(0.9123) == "accuracy 0.9123 is below the limit of 0.95"
    assert above.excess(20_000) == 2
    assert above.excess(5_000) == 1
    assert below.excess(0.475) == pytest.approx(2)
    assert (str(above), str(below)) == ("params <= 10,000", "accuracy >= 0.95")


def test_a_metric_of_ones_own_is_an_objective_and_a_limit(own_metrics: None) -> None:
    depth = register_metric(
        Metric(
            name="depth",
            direction="maximize",
            unit="layers",
            compute=lambda arch, shape, num_classes: 7 * shape[0],
        )
    )
    objectives = parse_objectives(["accuracy", "depth"])
    limits = (limit_of("depth", "5"),)

    assert objectives[1] is depth
    assert limits == (Limit(name="depth", minimum=5.0),)
    assert custom_metrics(objectives, limits) == (depth,)
    assert depth.computed(None, (3, 8, 8), 10) == 21
    check_measured(objectives, limits, "model")


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (Metric(name="params", direction="minimize", unit="", compute=len), "one of this name"),
        (Metric(name="My-metric", direction="minimize", unit="", compute=len), "lower-case"),
        (Metric(name="mine", direction="minimize", unit=""), "give `compute`"),
    ],
)
def test_a_metric_that_cannot_be_registered_is_refused(metric: Metric, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        register_metric(metric)


@pytest.mark.parametrize("value", [math.nan, math.inf, "seven"])
def test_a_metric_that_gives_no_number_fails_the_network_alone(value: object) -> None:
    mine = Metric(name="mine", direction="minimize", unit="", compute=lambda: value)

    with pytest.raises(EvaluationError, match="metric 'mine'"):
        mine.computed()


def test_what_is_measured_needs_bounds_and_another_sampler(own_metrics: None) -> None:
    given = {"direction": "minimize", "unit": "", "source": "scores", "compute": len}
    register_metric(Metric(name="unbounded", **given))  # type: ignore[arg-type]
    register_metric(Metric(name="bounded", bounds=(0.0, 1.0), **given))  # type: ignore[arg-type]

    with pytest.raises(OptionError, match="its `bounds` must be known"):
        parse_objectives(["accuracy", "unbounded"])
    with pytest.raises(OptionError, match="choose the sampler evolution"):
        check_measured(parse_objectives(["accuracy", "bounded"]), (), "model")
    with pytest.raises(OptionError, match="make it one of the `objectives`"):
        check_measured(parse_objectives(["accuracy"]), (limit_of("loss", 0.5),), "evolution")


def test_a_search_can_be_judged_by_another_score() -> None:
    objectives = parse_objectives(("params", "balanced_accuracy"))

    assert score_of(objectives).name == "balanced_accuracy"
    check_measured(objectives, (), "model")
    check_task(objectives, (), "classification")
    with pytest.raises(OptionError, match=r"for segmentation \(measured: accuracy, mean_iou\)"):
        check_task(objectives, (), "segmentation")


def test_scores_of_a_task_are_read_from_the_record_by_name() -> None:
    scores = Scores(accuracy=0.9, loss=0.1, train_s=1.0, custom={"balanced_accuracy": 0.6})
    metric = find_metric("balanced_accuracy")

    assert metric.value(None, scores) == 0.6  # type: ignore[arg-type]
    assert metric.text(0.6) == METRICS["accuracy"].text(0.6)


def test_an_axis_has_the_name_of_ones_own_metric_and_its_unit() -> None:
    def own(**about: Any) -> str:
        return Metric(name="my_heat", direction="minimize", compute=len, **about).axis

    assert own(unit="mJ") == "my heat, mJ"
    assert own(unit="", heading="heat") == "heat"
    assert own(unit="B", style="bytes") == "my heat"
    assert METRICS["params"].axis == "trainable parameters"
    assert METRICS["stored_bytes"].axis == "stored bytes"
