"""Overrides, PATH=VALUE: what they reach, and what they refuse."""

from __future__ import annotations

import pytest

from nas.errors import ModelFileError, OptionError, UserError
from nas.space import load_architecture, load_space, parse_space
from tests.space.small import CONDITIONAL, FILE, TIED, read

CLOSED = FILE.replace("{choice: [8, 16]}", "8")


def error(*overrides: str, text: str = FILE) -> str:
    with pytest.raises(UserError) as caught:
        read(text, *overrides)
    return str(caught.value)


def test_a_value_is_changed_or_closed() -> None:
    assert read(CLOSED, "stages.0.channels=16").decode(()).stages[0].channels == 16
    assert not read(FILE, "stages.0.channels=16").is_open


def test_a_default_can_be_set() -> None:
    assert read(CLOSED, "stages.0.depth=3").decode(()).stages[0].depth == 3
    arch = read(CLOSED, "head.gap_linear.dropout=0.2").decode(())
    assert arch.head.dropout == 0.2  # type: ignore[attr-defined]


def test_a_kind_is_replaced_and_its_options_set() -> None:
    arch = read(CLOSED, "stages.0.block=lru", "stages.0.block.lru.reuse=4").decode(())
    assert (
        arch.id == read(CLOSED.replace("{conv: {groups: 1}}", "{lru: {reuse: 4}}")).decode(()).id
    )


def test_none_takes_a_transition_away() -> None:
    assert read(CLOSED, "stages.0.transition=none").decode(()).stages[0].transition is None


def test_an_option_is_reached_through_a_choice() -> None:
    space = read(CONDITIONAL, "stages.0.block.lru.reuse=2")
    assert [gene.name for gene in space.genes] == [
        "stages.0.depth",
        "stages.0.block",
        "stages.0.block.lru.groups",
        "stages.0.block.half_identity.identity_ratio",
    ]
    assert space.num_settings == 3 * (2 + 2 + 1)


def test_an_option_of_a_kind_listed_by_name_alone_is_reached() -> None:
    space = read(CONDITIONAL, "stages.0.block.conv.kernel=5", "stages.0.block=conv")
    assert space.num_settings == 3
    through = read(CONDITIONAL, "stages.0.block.conv.kernel=5")
    labels = through.labels((0,) * len(through.genes)) | {"stages.0.block": "conv"}
    arch = through.decode(through.genome(labels))
    assert arch.stages[0].block.kernel == 5  # type: ignore[attr-defined]


def test_a_star_is_every_stage() -> None:
    space = load_space("lru_vgnet", ["stages.*.depth=2"])
    assert not [gene for gene in space.genes if gene.name.endswith("depth")]


def test_tied_values_are_set_once_for_all_their_uses() -> None:
    space = read(TIED, "tied.kernel=5")
    assert "tied.kernel" not in [gene.name for gene in space.genes]
    assert space.num_settings == 2 * (2 * 1 * (1 + 2 + 1) + 2 * (1 + 2 + 1))


def test_a_use_of_a_tied_value_is_set_alone_and_a_tied_value_without_use_goes() -> None:
    assert read(TIED, "stem.conv.activation=relu").num_settings == 40
    again = read(read(TIED, "stem.conv.activation=relu").text)
    assert again.num_settings == 40


def test_overrides_apply_in_turn() -> None:
    space = read(CLOSED, "stages.0.channels=16", "stages.0.channels=24")
    assert space.decode(()).stages[0].channels == 24


def test_the_text_that_a_run_keeps_says_what_was_set() -> None:
    space = load_space("lru_vgnet", ["stages.0.block.lru.reuse=4", "tied.activation=silu"])
    again = parse_space(space.text, source="space.yaml", name="space")
    assert (again.genes, again.template) == (space.genes, space.template)
    assert again.name == "lru_vgnet"
    assert "activation: silu" in again.text


def test_zoo_networks_can_be_changed() -> None:
    arch = load_architecture("lrunet_14_1x", ["stages.*.block.lru.reuse=3"])
    assert all(stage.block.reuse == 3 for stage in arch.stages)  # type: ignore[attr-defined]


@pytest.mark.parametrize("assignment", ["depth", "=3", "stages.0.depth"])
def test_an_assignment_has_a_path_and_a_value(assignment: str) -> None:
    said = f"`overrides` {assignment}: write PATH=VALUE, as in stages.*.depth=2"
    assert error(assignment) == said


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("stages.0.block.cnov.groups", ", did you mean 'stages.0.block.conv.groups'?"),
        ("stages.7.channels", ", did you mean 'stages.0.channels'?"),
        ("stages.-1.channels", ", did you mean 'stages.0.channels'?"),
        ("stagse.0.channels", ", did you mean 'stages.0.channels'?"),
        ("nowhere.at.all", ""),
    ],
)
def test_a_path_that_leads_nowhere(path: str, hint: str) -> None:
    with pytest.raises(OptionError) as caught:
        read(FILE, f"{path}=2")
    assert str(caught.value) == (
        f"`overrides` {path}=2: nothing in the model file is at {path}{hint}; "
        "paths are those that `nas show` prints"
    )


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        (
            "stages.0.dpeth=2",
            "f.yaml, as set by `overrides`: stages.0.dpeth: unknown key, did you mean 'depth'? "
            "(known: channels, stride, depth, activation, transition, block, sharing)",
        ),
        (
            "stages.0.depth=two",
            "f.yaml, as set by `overrides`: stages.0.depth: a whole number is needed here, "
            "not 'two'",
        ),
        (
            "stages.0.depth=",
            "f.yaml, as set by `overrides`: stages.0.depth: a whole number is needed here, "
            "not nothing",
        ),
        (
            "stages.0.depth=-1",
            "f.yaml, as set by `overrides`: stages.0.depth: -1 is not allowed; it must be between "
            "0 and 1000",
        ),
        (
            "stages.0.depth=[1, 2]",
            "`overrides` stages.0.depth=[1, 2]: a single value is needed here, not a list or a "
            "mapping",
        ),
        (
            "stages.0.depth=010",
            "`overrides` stages.0.depth=010: '010' is not the same to every YAML reader; write "
            "the number without leading zeros, or quote it if a string is meant",
        ),
        (
            "tied.new=relu",
            "`overrides` tied.new=relu: nothing in the model file is at tied.new; "
            "paths are those that `nas show` prints",
        ),
    ],
)
def test_bad_values(assignment: str, expected: str) -> None:
    assert error(assignment) == expected


def test_a_new_tied_value_that_nothing_uses_is_an_error() -> None:
    assert error("tied.new=relu", text=TIED) == (
        "f.yaml, as set by `overrides`: tied.new: nothing uses this value; {tied: new} would"
    )


def test_a_space_is_no_architecture() -> None:
    with pytest.raises(ModelFileError) as caught:
        load_architecture("lru_vgnet", ["stages.0.depth=1"])
    assert str(caught.value) == (
        "search_spaces/lru_vgnet.yaml: 47 values are open (stem.conv.channels, stem.conv.stride, "
        "tied.activation, ...), so this is a space, not a network; search it with "
        "`nas search --space lru_vgnet`, or close them with `overrides`"
    )
