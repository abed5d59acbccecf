"""What a final front says, on the published one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from nas.cli._train_print import print_final_front
from nas.errors import RunFolderError
from nas.final import FinalFront, train_finalists
from nas.final._front import write_front_csv
from nas.final._picture import draw_front
from nas.metrics import Metric, register_metric
from nas.records import read_record
from nas.report import references_for
from tests.run.published import copy_published

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PUBLISHED = Path(__file__).parents[2] / "results" / "lru_vgnet_200" / "final"


@pytest.fixture(scope="module")
def front() -> FinalFront:
    plain = json.loads((PUBLISHED / "final.json").read_text())
    return read_record(FinalFront, plain)


def test_a_network_whose_seeds_end_far_apart_is_named(front: FinalFront) -> None:
    assert [one.arch_id for one in front.unsteady] == ["d72b01d1a5cb"]
    console = Console(width=200, record=True)
    print_final_front(console, front, Path("run"))
    said = console.export_text()
    assert "d72b01d1a5cb: its seeds end far apart (standard deviation 6.1 points)" in said
    assert "Kendall's tau with the final accuracy: 0.87 of proxy, 0.87 of predicted." in said


def test_few_validation_images_make_no_network_unsteady(front: FinalFront) -> None:
    members = [replace(one, validation_error=0.035) for one in front.members]
    assert replace(front, members=members).unsteady == ()


def test_the_reason_is_named_where_a_class_is_never_recognised(front: FinalFront) -> None:
    members = [replace(one, missed_classes=("Ankle boot",)) for one in front.members]
    written = json.dumps(replace(front, members=members).to_plain())
    again = read_record(FinalFront, json.loads(written))
    console = Console(width=400, record=True)
    print_final_front(console, again, Path("run"))
    assert (
        "d72b01d1a5cb: its seeds end far apart (standard deviation 6.1 points): one of them never "
        "recognises Ankle boot."
    ) in console.export_text()


def test_what_was_written_is_read_back(front: FinalFront) -> None:
    assert read_record(FinalFront, json.loads(json.dumps(front.to_plain()))) == front


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("final.json", "{}", "recipe: Field required"),
        ("final.json", "{", "is damaged: Expecting property name"),
        ("final.json", '{"recipe": "light", "members": []}', "agreement: Field required"),
        ("plan.json", "{", "is damaged: Expecting property name"),
        ("plan.json", '{"seeds": "many"}', "seeds: Input should be a valid integer"),
        ("plan.json", '{"finalists": 0}', "`finalists` 0: write a number of at least 1"),
    ],
)
def test_a_damaged_file_of_a_final_front_is_named(
    tmp_path: Path, file: str, content: str, said: str
) -> None:
    run = copy_published(tmp_path / "run")
    (run / "final" / file).write_text(content)

    with pytest.raises(RunFolderError, match=rf"{file}: .*{said}.*; move .*final away and train"):
        train_finalists(run)


def test_a_front_without_members_is_damaged(front: FinalFront) -> None:
    with pytest.raises(ValueError, match="members: a final front has one at least"):
        read_record(FinalFront, front.to_plain() | {"members": []})


@pytest.mark.parametrize("name", ["macz", "accuracy"])
def test_a_front_whose_costs_are_no_costs_is_damaged(front: FinalFront, name: str) -> None:
    plain = front.to_plain()
    plain["members"][0]["costs"] = {"params": 1.0, name: 1.0}
    with pytest.raises(ValueError, match=rf"costs: params, {name} are not those of a final front"):
        read_record(FinalFront, plain)


def test_members_with_different_costs_are_damaged(front: FinalFront) -> None:
    plain = front.to_plain()
    plain["members"][-1]["costs"].pop("macs")
    with pytest.raises(ValueError, match="costs: params are not those of a final front"):
        read_record(FinalFront, plain)


def test_the_table_is_the_published_one(front: FinalFront, tmp_path: Path) -> None:
    write_front_csv(tmp_path / "front.csv", front)
    assert (tmp_path / "front.csv").read_text() == (PUBLISHED / "front.csv").read_text()


def figures_kept(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures from now on, whose files stay empty."""
    drawn: list[Figure] = []

    def keep(figure: Figure, file: Path, **_: object) -> None:
        drawn.append(figure)
        file.touch()

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", keep)
    return drawn


@pytest.mark.usefixtures("own_metrics")
def test_a_cost_of_ones_own_has_a_column_and_a_panel(
    front: FinalFront, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_metric(Metric(name="heat", direction="minimize", unit="mJ", compute=len))
    members = tuple(replace(one, costs={"heat": 2.5} | one.costs) for one in front.members)
    hot = replace(front, members=members)
    console = Console(width=200, record=True)
    print_final_front(console, hot, Path("run"))
    rows = [line.split() for line in console.export_text().splitlines()]
    assert ["id", "heat", "parameters", "MACs"] in [row[:4] for row in rows]
    assert [hot.members[0].arch_id, "2.5"] in [row[:2] for row in rows]

    drawn = figures_kept(monkeypatch)
    draw_front(tmp_path / "front.png", hot, references_for("fashion_mnist"), seeds=3)
    named = [axes.get_xlabel() for axes in drawn[0].axes]
    assert named == ["heat, mJ", "trainable parameters", "multiply-accumulates"]


def test_the_picture_has_test_accuracy_and_published_networks(
    front: FinalFront, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = figures_kept(monkeypatch)
    references = references_for("fashion_mnist")
    draw_front(tmp_path / "front.png", front, references, seeds=3)

    params, macs = drawn[0].axes
    stars, proxies = params.collections[-1], params.collections[-2]
    assert sorted(x for x, _ in stars.get_offsets()) == sorted(one.params for one in references)
    assert sorted(y for _, y in proxies.get_offsets()) == sorted(m.proxy for m in front.members)
    ends = params.containers[0].lines[0].get_ydata()
    assert sorted(ends) == sorted(one.test for one in front.members)
    assert "3 seeds" in params.containers[0].get_label()
    assert len(macs.collections) == len(params.collections)
