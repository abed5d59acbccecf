from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nas.report import build_document, write_document_json, write_trials_csv
from nas.report._analysis import effects
from nas.trial import Scores
from tests.report.documents import OBJECTIVES, RUNG, document, facts

if TYPE_CHECKING:
    from pathlib import Path


def test_every_trial_is_there_with_its_fate() -> None:
    made = document(44)
    assert len(made.networks) == 44
    counts = [
        made.count(state) for state in ("complete", "pruned", "rejected", "duplicate", "failed")
    ]
    assert counts == [24, 8, 4, 4, 4]


def test_the_front_holds_what_nothing_dominates() -> None:
    made = document(44)
    values = {
        place: tuple(
            -one.value("accuracy") if key == "accuracy" else one.value(key)
            for key in made.objectives
        )  # type: ignore[operator]
        for place, one in enumerate(made.networks)
        if one.state == "complete"
    }
    wanted = {
        place
        for place, mine in values.items()
        if not any(
            all(a <= b for a, b in zip(other, mine, strict=True)) and other != mine
            for other in values.values()
        )
    }
    assert set(made.front) == wanted
    accuracies = [made.networks[place].value("accuracy") for place in made.front]
    assert accuracies == sorted(accuracies, reverse=True)  # type: ignore[type-var]
    assert made.best == made.front[0]
    assert made.knee in made.front


def test_hypervolume_only_grows_and_ends_at_that_of_the_front() -> None:
    made = document(66)
    volumes = [one.hypervolume for one in made.progression]
    assert volumes == sorted(volumes)
    front = [made.networks[place] for place in made.front]
    points = [tuple(one.value(key) or 0.0 for key in made.objectives) for one in front]
    assert made.hypervolume == pytest.approx(facts(66).box.hypervolume(points))
    assert made.progression[-1].networks == 66 - made.count("rejected") - made.count("duplicate")


def test_an_effect_is_what_was_planted() -> None:
    """Accuracy follows gene 0 alone: all of the spread goes along with it, none with gene 1."""
    base = document(40)
    genes = (("planted", ("a", "b")), ("idle", ("a", "b")), ("rare", ("a", "b")))
    networks = [
        replace(
            base.networks[0],
            state="complete",
            rungs=(),
            scores=Scores(accuracy=0.5 + 0.3 * (number % 2) + 0.0001 * number, loss=1, train_s=1),
            genome=(number % 2, number // 2 % 2, int(number == 0)),
        )
        for number in range(40)
    ]
    found = effects(networks, genes, [frozenset((0, 1, 2))] * 40)
    assert [one.gene for one in found] == ["planted", "idle"]
    assert found[0].share > 0.7
    assert found[1].share < 0.05
    assert [mean[2] for mean in found[0].means] == [20, 20]


def test_values_that_take_no_part_are_not_counted() -> None:
    made = document(44)
    by_name = {one.gene: one for one in made.effects}
    total = made.count("complete") + made.count("pruned")
    assert by_name["stages.0.block"].networks <= total
    inner = [one for name, one in by_name.items() if name.startswith("stages.0.block.")]
    assert all(one.networks < by_name["stages.0.block"].networks for one in inner)


def test_trainings_agree_as_far_as_their_ranks_do() -> None:
    made = document(66)
    (proxy,) = [one for one in made.agreements if "full training" not in one.longer]
    assert proxy.networks == made.count("complete")
    assert 0.3 < proxy.tau < 1
    assert proxy.gain == pytest.approx(0.06, abs=0.01)
    assert document(11).agreements == ()


def test_trainings_that_read_the_same_are_kept_apart() -> None:
    """Of few images two rungs can come to as many passes, in words."""
    made = build_document(replace(facts(66), fidelities=(RUNG, RUNG)))
    (proxy,) = [one for one in made.agreements if "full training" not in one.longer]
    assert proxy.shorter == proxy.longer
    assert proxy.networks == made.count("complete")


def test_a_training_longer_than_the_data_is_told_in_passes() -> None:
    made = build_document(replace(facts(22), train_images=965))
    assert made.trainings == ("about 2 passes over 965 images", "about 12 passes over 965 images")
    assert document(22).trainings[-1] == "2 epochs over 6,000 images"


def test_only_so_many_diagrams_and_the_front_first() -> None:
    made = build_document(facts(66), max_diagrams=10)
    assert len(made.diagrams) == 10
    ids = [made.networks[place].arch_id for place in made.front]
    assert list(made.diagrams)[: min(10, len(ids))] == ids[:10]


def test_a_search_without_a_result_is_a_document_too() -> None:
    empty = build_document(replace(facts(11), evaluations=(), finals=(), latencies=()))
    assert empty.front == ()
    assert empty.best is None
    assert empty.progression == ()


def test_json_says_the_same_without_tracebacks(tmp_path: Path) -> None:
    made = document(44)
    write_document_json(tmp_path / "report.json", made)
    text = (tmp_path / "report.json").read_text()
    plain = json.loads(text)
    assert plain["front"] == list(made.front)
    assert plain["objectives"] == [one.name for one in OBJECTIVES]
    assert len(plain["networks"]) == 44
    assert plain["networks"][0]["cost"]["params"] == made.networks[0].value("params")
    assert '"trace"' not in text


def test_csv_has_a_line_for_every_trial(tmp_path: Path) -> None:
    made = document(44)
    write_trials_csv(tmp_path / "trials.csv", made)
    with (tmp_path / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["trial"]) for row in rows] == list(range(44))
    assert [place for place, row in enumerate(rows) if row["front"] == "1"] == sorted(made.front)
    failed = next(row for row in rows if row["state"] == "failed")
    assert failed["reason"] == "Diverged: loss is <b>NaN</b> after 12 steps"
    assert failed["accuracy"] == ""
