"""The reference of model files: made from the records, and complete."""

from __future__ import annotations

import dataclasses

import pytest

from nas.arch import COMPONENTS, Architecture, Sharing, Stage
from nas.errors import OptionError
from nas.space import explain, reference
from nas.space._hints import known_names
from nas.space._words import OPEN


def test_no_key_is_missing_or_unexplained() -> None:
    keys = {key.path: key for key in reference()}

    wanted = {*known_names(Architecture), *OPEN, "step", "times"}
    wanted |= {f"stages.{name}" for name in known_names(Stage)}
    wanted |= {f"sharing.{name}" for name in known_names(Sharing)}
    for base, kinds in COMPONENTS.items():
        place = base.__name__.lower()
        place = place if place in ("stem", "head") else f"stages.{place}"
        for kind, record in kinds.items():
            wanted |= {f"{place}.{kind}", *(f"{place}.{kind}.{n}" for n in known_names(record))}
    wanted |= {f"head.multi.heads.{name}" for name in ("name", "outputs", "head")}
    assert set(keys) == wanted
    for key in keys.values():
        assert key.meaning.endswith((".", ":")) or key.type == "kind", key
        assert key.meaning, key
        assert key.type, key
        assert key.default or key.type == "kind", key


def test_defaults_and_types_are_those_of_the_records() -> None:
    (key,) = (one for one in explain("ratio") if one.path == "sharing.ratio")
    assert (key.type, key.default) == ("number, between 0 and 4 or none", "none")
    (key,) = (one for one in explain("sharing.private"))
    default = next(one.default for one in dataclasses.fields(Sharing) if one.name == "private")
    assert key.default == f"[{', '.join(default)}]"
    (key,) = explain("stages.block.lru.reuse")
    assert key.default == "required"
    assert "Layer Reuse - https://arxiv.org/abs/1901.09615" in key.paper


def test_a_part_is_explained_with_all_that_is_inside() -> None:
    paths = [key.path for key in explain("block.lru")]

    assert paths[0] == "stages.block.lru"
    assert set(paths) >= {f"stages.block.lru.{name}" for name in ("reuse", "groups", "shuffle")}


def test_an_unknown_key_is_refused_with_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"resue: no key .* did you mean .*reuse"):
        explain("resue")


def test_channels_of_a_stem_are_said_within_their_bounds() -> None:
    stems = [key for key in explain("channels") if key.path.startswith("stem.")]

    assert {key.meaning for key in stems} == {"Channels that the first stage gets."}
    assert {key.type for key in stems} == {"whole number, between 1 and 65536"}
