"""Calls as data: hashable, absent arguments left out, one plain form per network."""

from __future__ import annotations

import json
import pickle

from nas.arch import Call, Ref
from nas.components import call, to_plain

NESTED = call(
    "Block", channels=8, groups=None, filters=call("Depthwise", channels=4), shuffle=Ref("halves")
)


def test_an_argument_that_is_none_is_no_argument() -> None:
    assert call("A", b=1, c=None) == call("A", b=1) == Call("A", (("b", 1),))
    assert call("A", b=0, c=False).kwargs == {"b": 0, "c": False}


def test_calls_are_keys_and_travel() -> None:
    assert len({NESTED, pickle.loads(pickle.dumps(NESTED))}) == 1
    assert call("Block", channels=8) != NESTED


def test_the_plain_form_is_json_and_keeps_names_apart_from_strings() -> None:
    plain = to_plain((NESTED, call("Other", mode="halves")))
    assert plain == [
        [
            "Block",
            {"channels": 8, "filters": ["Depthwise", {"channels": 4}], "shuffle": "@halves"},
        ],
        ["Other", {"mode": "halves"}],
    ]
    assert json.loads(json.dumps(plain)) == plain
