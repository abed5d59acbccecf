from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from nas.records import read_record
from nas.trial import Cost, Scores

COST = Cost(
    params=10,
    ring_params=0,
    kernel_params=8,
    frozen_params=0,
    macs=20,
    peak_activation_bytes=30,
    custom={"own": 0.5},
)


def test_what_json_made_of_a_record_becomes_the_record_again() -> None:
    assert read_record(Cost, json.loads(json.dumps(asdict(COST)))) == COST


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"macs": "many"}, r"macs: .* \(found 'many'\)"),
        ({"macs": None}, r"macs: .* \(found None\)"),
        ({"custom": {"own": []}}, r"custom\.own: "),
        ({"deploy": "somehow"}, r"deploy: .* 'generated' or 'materialized'"),
    ],
)
def test_a_value_that_does_not_suit_its_field_is_named(
    changed: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_record(Cost, asdict(COST) | changed)


@pytest.mark.parametrize("plain", [None, 3, "text", [], {"accuracy": 1.0}])
def test_what_is_no_record_is_refused(plain: object) -> None:
    with pytest.raises(ValueError, match=r"^(Scores|loss): "):
        read_record(Scores, plain)
