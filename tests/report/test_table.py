from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from nas.metrics import METRICS, Metric, parse_objectives
from nas.report import front_rows, front_table
from nas.units import human_bytes, human_count, human_seconds
from tests.report.conftest import Make

OBJECTIVES = parse_objectives(["accuracy", "params", "macs"])


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 k"),
        (12_345, "12.3 k"),
        (99_960, "100 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
        (1_204_000, "1.20 M"),
        (5.6e9, "5.60 G"),
    ],
)
def test_counts_have_three_digits(count: float, text: str) -> None:
    assert human_count(count) == text


def test_bytes_carry_their_unit() -> None:
    assert [human_bytes(count) for count in (12, 12_345, 2e6)] == ["12 B", "12.3 kB", "2.00 MB"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (59.6, "1:00"), (750, "12:30"), (3723, "1:02:03")]
)
def test_seconds_read_as_a_clock(seconds: float, text: str) -> None:
    assert human_seconds(seconds) == text


def render(
    evaluations: list[object],
    width: int,
    description: str = "",
    objectives: tuple[Metric, ...] = OBJECTIVES,
    *,
    proxies: bool = False,
) -> str:
    console = Console(file=StringIO(), width=width)
    rows = front_rows(evaluations, objectives, describe=lambda _: description)
    console.print(front_table(rows, objectives, proxies=proxies))
    return console.file.getvalue()


def test_the_table_marks_the_picks(evaluation: Make) -> None:
    text = render(
        [
            evaluation(0, 0.5, params=900, macs=1_000),
            evaluation(1, 0.85, params=12_345, macs=1_200_000),
            evaluation(2, 0.912, params=9_000_000, macs=10**9),
        ],
        width=100,
    )

    lines = {line.split()[0]: line for line in text.splitlines() if line[:6].strip().isdigit()}
    assert "91.20 %" in lines["2"]
    assert "best" in lines["2"]
    assert "knee" in lines["1"]
    assert "12.3 k" in lines["1"]
    assert "1.20 M" in lines["1"]
    assert "knee" not in lines["0"]
    assert "Pareto front: 3 networks" in text


@pytest.mark.parametrize("width", [30, 100])
def test_beside_a_final_front_the_picks_are_called_those_of_proxies(
    evaluation: Make, width: int
) -> None:
    text = render([evaluation(0, 0.5), evaluation(1, 0.9, params=90_000)], width, proxies=True)

    assert "proxy best" in text
    assert "of the proxies" in text


def test_at_80_columns_only_the_description_is_cut(evaluation: Make) -> None:
    text = render([evaluation(3, 0.5, params=123_456)], width=80, description="lru [x8] " * 9)

    (line,) = (line for line in text.splitlines() if "000000000003" in line)
    assert "123 k" in line
    assert "best, knee" in line
    assert line.rstrip().endswith("…")


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
@pytest.mark.parametrize("count", [1, 3, 8])
def test_no_figure_and_no_id_is_ever_cut(evaluation: Make, width: int, count: int) -> None:
    names = [name for name, one in METRICS.items() if one.known_before_training][:count]
    objectives = parse_objectives(["accuracy", *(name for name in names if name != "latency")])
    rows = [
        evaluation(3, 0.5, params=123_456, macs=5),
        evaluation(4, 0.6, params=1_234_567, macs=5),
    ]
    text = render(rows, width, "network", objectives)

    for figure in ("50.00 %", "60.00 %", "123 k", "1.23 M", "000000000003", "000000000004"):
        assert figure in text
    assert max(map(len, text.splitlines())) <= width
    titles = text.replace("\n", " ")
    assert all(one.title in titles for one in objectives)


def test_the_columns_are_the_objectives_asked_for(evaluation: Make) -> None:
    objectives = parse_objectives(["accuracy", "int8_stored_bytes"])
    head = render([evaluation(3, 0.5)], 100, objectives=objectives).splitlines()[2]

    assert head.split() == ["trial", "accuracy", "flash", "id", "pick", "network"]


def test_an_empty_front_is_a_table_without_lines() -> None:
    assert "Pareto front: 0 networks" in render([], width=80)
