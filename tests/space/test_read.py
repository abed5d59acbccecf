"""Grammar errors: file, line, path, what is allowed, and the nearest legal name."""

from __future__ import annotations

import pytest

from nas.arch import COMPONENTS, Block, Transition
from nas.components import SideBounds
from nas.errors import IllegalArchitecture
from nas.space import SearchSpace, dump_architecture
from tests.space.small import ACTIVATIONS, CHOICE, CONV, FILE, SHARED, edited, message, read

BLOCKS = ", ".join(COMPONENTS[Block])
LRU = "reuse, groups, shuffle, shuffle_groups, kernel, multiplier"
TRANSITIONS = ", ".join([*COMPONENTS[Transition], "none"])
STAGE = "channels, stride, depth, activation, transition, block, sharing"
TOP = (
    "name, stem, stages, head, sharing, width, width_rounding, resolution, description, ladder, "
    "tied"
)


def test_the_file_that_the_errors_are_made_from_is_legal() -> None:
    assert read(FILE).num_settings == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            FILE + "haed: gap_linear\n",
            f"f.yaml:8: haed: unknown key, did you mean 'head'? (known: {TOP})",
        ),
        (
            FILE + "discription: x\n",
            f"f.yaml:8: discription: unknown key, did you mean 'description'? (known: {TOP})",
        ),
        (
            edited("channels: {choice", "chanels: {choice"),
            f"f.yaml:4: stages.0.chanels: unknown key, did you mean 'channels'? (known: {STAGE})",
        ),
        (
            edited("head: gap_linear", "head: {gap_linear: {dropuot: 0.1}}"),
            "f.yaml:7: head.gap_linear.dropuot: unknown key, did you mean 'dropout'? "
            "(known: dropout)",
        ),
        (
            edited("transition: conv", "transition: {maxpool_concat: {stride: 2}}"),
            "f.yaml:5: stages.0.transition.maxpool_concat.stride: unknown key (it has no options)",
        ),
        (
            FILE + "head: gap_linear\n",
            "f.yaml:8: head: duplicate key, first given on line 7",
        ),
        (
            edited("head: gap_linear\n", ""),
            f"f.yaml:1: top level: missing key 'head' (known: {TOP})",
        ),
        (
            edited(CONV, "lru"),
            f"f.yaml:6: stages.0.block.lru: missing key 'reuse' (known: {LRU})",
        ),
    ],
)
def test_keys(text: str, expected: str) -> None:
    assert message(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("one", "a whole number is needed here, not 'one'"),
        ("'1'", "a whole number is needed here, not '1'"),
        ("1.0", "a whole number is needed here, not 1.0; write 1"),
        ("1e3", "a whole number is needed here, not 1000.0; write 1000"),
        ("true", "a whole number is needed here, not true"),
        ("", "a whole number is needed here, not nothing"),
        ("{a: 1}", "a whole number is needed here, not a mapping"),
        (
            "[1, 2]",
            "a whole number is needed here, not a list; write {choice: [...]} to leave it open",
        ),
        (
            "{choise: [1, 2]}",
            "a whole number is needed here, not a mapping; unknown key 'choise', "
            "did you mean 'choice'?",
        ),
        (
            "{rnage: [1, 2]}",
            "a whole number is needed here, not a mapping; unknown key 'rnage', "
            "did you mean 'range'?",
        ),
        ("0", "0 is not allowed; it must be between 1 and 65536"),
        ("-4", "-4 is not allowed; it must be between 1 and 65536"),
    ],
)
def test_whole_numbers(value: str, expected: str) -> None:
    text = edited("groups: 1", f"groups: {value}")
    assert message(text) == f"f.yaml:6: stages.0.block.conv.groups: {expected}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "stride: 9",
            f"stride: 9 is not allowed; it must be {SideBounds(1, 4)}",
        ),
        (
            "activation: rleu",
            f"activation: 'rleu' is not allowed, did you mean 'relu'? (allowed: {ACTIVATIONS})",
        ),
        (
            "activation: true",
            f"activation: true is not allowed (allowed: {ACTIVATIONS})",
        ),
        (
            "activation: [relu, silu]",
            f"activation: a list is not allowed (allowed: {ACTIVATIONS}); "
            "write {choice: [...]} to leave it open",
        ),
        ("depth: -1", "depth: -1 is not allowed; it must be between 0 and 1000"),
    ],
)
def test_names_and_bounds(line: str, expected: str) -> None:
    text = edited("    transition: conv\n", f"    transition: conv\n    {line}\n")
    assert message(text) == f"f.yaml:6: stages.0.{expected}"


def test_a_number_among_names_must_be_that_number() -> None:
    for value, shown in (("2", "2"), ("true", "true"), ("'3'", "'3'")):
        assert message(edited(CONV, f"{{residual: {{kernel: {value}}}}}")) == (
            f"f.yaml:6: stages.0.block.residual.kernel: {shown} is not allowed "
            "(allowed: 1, 3, 5, 7)"
        )


def test_fractions() -> None:
    text = edited("head: gap_linear", "head: {gap_linear: {dropout: %s}}")
    where = "f.yaml:7: head.gap_linear.dropout: "
    assert message(text % "1") == where + "1.0 is not allowed; it must be at least 0 and below 1"
    assert message(text % "some") == where + "a number is needed here, not 'some'"
    assert message(text % "true") == where + "a number is needed here, not true"
    assert read(text % "0").num_settings == 2, "a whole number is a number"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "{conv: {groups: 1}, lru: {reuse: 2}}",
            f": one kind is needed here, not conv and lru (known: {BLOCKS}); "
            "write {choice: [...]} to leave it open",
        ),
        (
            "{}",
            f": one kind is needed here, not an empty mapping (known: {BLOCKS}); "
            "write {choice: [...]} to leave it open",
        ),
        (
            "{hlaf_identity: {}}",
            f": unknown block 'hlaf_identity', did you mean 'half_identity'? (known: {BLOCKS})",
        ),
        ("lur", f": unknown block 'lur', did you mean 'lru'? (known: {BLOCKS})"),
        ("", f": a kind of block is needed here, not nothing (known: {BLOCKS})"),
        ("3", f": a kind of block is needed here, not 3 (known: {BLOCKS})"),
        ("[conv]", f": a kind of block is needed here, not a list (known: {BLOCKS})"),
        (
            "{lru: [reuse]}",
            f".lru: a mapping of options is needed here, not a list (known: {LRU})",
        ),
        (
            "{lru: 3}",
            f".lru: a mapping of options is needed here, not 3 (known: {LRU})",
        ),
    ],
)
def test_kinds(value: str, expected: str) -> None:
    assert message(edited(CONV, value)) == f"f.yaml:6: stages.0.block{expected}"


def test_a_transition_may_be_none() -> None:
    assert message(edited("transition: conv", "transition: maxpol_concat")) == (
        "f.yaml:5: stages.0.transition: unknown transition 'maxpol_concat', "
        f"did you mean 'maxpool_concat'? (known: {TRANSITIONS})"
    )
    for nothing in ("none", "null", ""):
        arch = read(edited("transition: conv", f"transition: {nothing}")).decode((0,))
        assert arch.stages[0].transition is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", "f.yaml:1: a model file is a mapping with stem, stages, head"),
        ("hello\n", "f.yaml:1: a model file is a mapping with stem, stages, head"),
        (
            "stem: {conv: {channels: 8}}\nstages: []\nhead: gap_linear\n",
            "f.yaml:2: stages: the list is empty; it needs at least one item",
        ),
        (
            "stem: {conv: {channels: 8}}\nstages: conv\nhead: gap_linear\n",
            "f.yaml:2: stages: a list is needed here, not 'conv'",
        ),
        (
            "stem: {conv: {channels: 8}}\nstages: [conv]\nhead: gap_linear\n",
            f"f.yaml:2: stages.0: a mapping is needed here, not 'conv' (known keys: {STAGE})",
        ),
        (edited("name: example", "name: 3"), "f.yaml:1: name: a string is needed here, not 3"),
        (
            edited("name: example", "name: {choice: [a, b]}"),
            "f.yaml:1: name: a string is needed here, not a mapping",
        ),
        (
            FILE + "description: [a]\n",
            "f.yaml:8: description: a string is needed here, not a list",
        ),
    ],
)
def test_the_shape_of_the_file(text: str, expected: str) -> None:
    assert message(text) == expected


# -- illegal combinations ----------------------------------------------------------------------


def illegal(text: str) -> IllegalArchitecture:
    with pytest.raises(IllegalArchitecture) as caught:
        read(text)
    return caught.value


def test_an_illegal_network_is_refused_with_its_line() -> None:
    error = illegal(FILE.replace(CHOICE, "8").replace("groups: 1", "groups: 3"))
    assert str(error) == (
        "f.yaml:6: stages.0.block.conv: groups 3 does not divide 8 channels; "
        "use a divisor of 8 or another width"
    )
    assert error.rule == "groups must divide the channels"


def test_a_space_of_illegal_networks_says_so_and_why() -> None:
    error = illegal(edited("groups: 1", "groups: {choice: [3, 5]}"))
    assert str(error).startswith(
        "f.yaml:6: none of 4 settings describes a network: "
        "groups must divide the channels (4 times). For instance stages.0.block.conv: groups 5 "
        "does not divide 16 channels"
    )


def test_a_large_space_of_illegal_networks_says_so_too() -> None:
    stage = "  - {channels: {range: [9, 15], step: 2}, block: {conv: {groups: 2}}}\n"
    text = f"stem: {{conv: {{channels: 8}}}}\nstages:\n{stage * 6}head: gap_linear\n"
    assert "none of 2,000 settings describes a network" in str(illegal(text))


def test_one_legal_setting_is_enough() -> None:
    space = read(
        edited(CHOICE, "{choice: [9, 10, 11, 13, 15, 16]}").replace("groups: 1", "groups: 8")
    )
    assert isinstance(space, SearchSpace)


def test_values_of_a_ring_without_size() -> None:
    error = illegal(FILE.replace(CHOICE, "8") + "sharing:\n  scope: network\n")
    assert str(error) == (
        "f.yaml:9: sharing: scope network with neither ring nor ratio; give exactly one of the two"
    )


def test_a_list_where_a_number_or_none_is_needed() -> None:
    told = message(FILE + "resolution: []\n")
    assert told.startswith("f.yaml:8: resolution: a whole number is needed here, not a list")


# -- sharing, of a stage and in several ways ---------------------------------------------------


def test_sharing_of_a_stage_and_several_ways_of_sharing() -> None:
    space = read(SHARED)
    assert [gene.name for gene in space.genes] == ["stages.0.sharing.ring", "sharing.0.ratio"]
    rings = space.decode((1, 0)).rings(in_channels=3, num_classes=10)
    assert [ring.size for ring in rings] == [30, 288, 72, 40]
    again = read(dump_architecture(space.decode((1, 0))))
    assert again.decode(()).id == space.decode((1, 0)).id


@pytest.mark.parametrize(
    ("value", "kernel"), [("3", 3), ("10x4", (10, 4)), ("[10, 4]", (10, 4)), ("5x5", 5), ("2", 2)]
)
def test_sides_are_one_number_or_two(value: str, kernel: object) -> None:
    arch = read(edited(CONV, f"{{conv: {{kernel: {value}}}}}")).decode((0,))
    assert arch.stages[0].block.kernel == kernel  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", ["0", "65", "3.5", "true", "10x", "10x4x2", "x4", "[3]x", "a"])
def test_what_are_no_sides(value: str) -> None:
    if value == "[3]x":
        value = "[1, 2, 3]"
    found = message(edited(CONV, f"{{conv: {{kernel: {value}}}}}"))
    assert f"is not allowed; it must be {SideBounds(1, 64)}" in found


def test_sides_can_be_left_open() -> None:
    space = read(edited(CONV, "{conv: {kernel: {choice: [3, 10x4]}}}"))
    assert space.genes[-1].labels == (3, "10x4")
