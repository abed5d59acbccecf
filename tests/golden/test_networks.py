"""Ids, exact costs and logits of 300 recorded networks are what they were.

See `record.py` for how the record is written anew, and when it may be.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from nas.space import is_legal
from tests.golden.record import EACH, INPUTS, costs, logits, read, recorded

LINES = recorded()
QUICK = LINES[:: EACH // 5]
"""Five networks of every space."""


def name_of(line: dict[str, Any]) -> str:
    return f"{line['space']} {line['id']}"


def test_the_record_holds_fifty_networks_of_each_of_the_six_spaces() -> None:
    spaces = Counter(line["space"] for line in LINES)
    assert len(spaces) == 6
    assert set(spaces.values()) == {EACH}
    assert all(len(line["costs"]) == len(INPUTS) for line in LINES)
    assert sum("sharing" in line["network"] for line in LINES) > EACH


def test_ids_are_what_they_were() -> None:
    archs = [read(line) for line in LINES]
    assert all(map(is_legal, archs))
    assert [arch.id for arch in archs] == [line["id"] for line in LINES]


def test_exact_costs_are_what_they_were() -> None:
    for line in LINES:
        for now, then in zip(costs(read(line)), line["costs"], strict=True):
            # Of costs that came later the record says nothing.
            assert {name: now[name] for name in then} == then, name_of(line)


@pytest.mark.parametrize("line", QUICK, ids=name_of)
def test_logits_are_what_they_were(line: dict[str, Any]) -> None:
    assert_same_logits(line)


@pytest.mark.slow
def test_logits_of_all_networks_are_what_they_were() -> None:
    for line in LINES:
        assert_same_logits(line)


def assert_same_logits(line: dict[str, Any]) -> None:
    largest = max(map(abs, line["logits"]))
    assert largest > 0
    assert logits(read(line)) == pytest.approx(line["logits"], rel=1e-4, abs=1e-4 * largest)
