"""YAML -> nodes: what a value reads as, and what is refused, with file, line and path."""

from __future__ import annotations

import pytest

from nas.errors import ModelFileError
from nas.space._yaml import Fields, Items, Scalar, line_at, parse_scalar, parse_yaml


def value(text: str) -> object:
    return parse_scalar(text, "--set").value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", 3),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("1e-3", 0.001),
        ("2.5E+2", 250.0),
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
        ("none", "none"),
        ("relu", "relu"),
        ("'1'", "1"),
        ('"no"', "no"),
        ("'010'", "010"),
        ("2020-01-01", "2020-01-01"),
        ("noon", "noon"),
        ("1x1", "1x1"),
    ],
)
def test_a_scalar_is_what_it_looks_like(text: str, expected: object) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("no", "write true or false"),
        ("yes", "write true or false"),
        ("On", "write true or false"),
        ("OFF", "write true or false"),
        ("y", "write true or false"),
        ("True", "write true or false"),
        ("FALSE", "write true or false"),
        ("010", "write the number without leading zeros"),
        ("-007", "write the number without leading zeros"),
        ("0x10", "write the number in decimal"),
        ("0b11", "write the number in decimal"),
        ("0o17", "write the number in decimal"),
        ("1_000", "write the number without underscores"),
        ("1:30", "write the number in decimal"),
        (".inf", "write a finite number"),
        ("-.INF", "write a finite number"),
        (".nan", "write a finite number"),
        ("1e999", "write fewer digits"),
        ("123456789012345678901", "write fewer digits"),
        ("~", "write null or none"),
        ("Null", "write null or none"),
        ("NULL", "write null or none"),
    ],
)
def test_what_yaml_readers_disagree_on_is_refused(text: str, advice: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        parse_yaml(f"a:\n  b: {text}\n", "f.yaml")
    assert str(caught.value) == (
        f"f.yaml:2: a.b: '{text}' is not the same to every YAML reader; {advice}, "
        "or quote it if a string is meant"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3: a: duplicate key, first given on line 1"),
        (
            "a:\n  - b: 1\n    b:\n      c: 2\n",
            "f.yaml:3: a.0.b: duplicate key, first given on line 2",
        ),
        ("a:\n\tb: 1\n", None),
        ("a: [1, 2\nb: 3\n", "f.yaml:2: expected ',' or ']', but got ':'"),
        ("a: b: c\n", "f.yaml:1: mapping values are not allowed here"),
        ("a: 'b\n", "f.yaml:2: found unexpected end of stream"),
        ("a: *b\n", "f.yaml:1: found undefined alias 'b'"),
        ("a: 1\n---\na: 2\n", "f.yaml:2: but found another document"),
        ("a: 1\nb: c\0d\n", "f.yaml:2: the character '\\x00' is not allowed in YAML"),
        ("", "f.yaml:1: the file is empty; it needs stem, stages and head"),
        ("# nothing\n", "f.yaml:1: the file is empty; it needs stem, stages and head"),
        (
            "a: &x {b: 1}\nc:\n  <<: *x\n",
            "f.yaml:3: c: merge keys (<<) are not supported; write the keys out",
        ),
        (
            "a: &x\n  - b\n  - c: *x\n",
            "f.yaml:1: a.1.c: the alias refers to a value that contains it; write it out",
        ),
        ("a: !!int '3'\n", "f.yaml:1: the tag !!int is not supported; leave it out"),
        ("a: 1\nb: !!str 3\n", "f.yaml:2: the tag !!str is not supported; leave it out"),
        ("a: !!set [1]\n", "f.yaml:1: the tag !!set is not supported; leave it out"),
        ("a: !mine 1\n", "f.yaml:1: the tag !mine is not supported; leave it out"),
        (
            "a: !!python/object:os.system x\n",
            "f.yaml:1: the tag !!python/object:os.system is not supported; leave it out",
        ),
        ("a:\n  [1]: 2\n", "f.yaml:2: a: a key must be a plain name"),
        (
            "[" * 2000,
            "f.yaml:1: nested too deeply: a model file has at most 40 lists and mappings inside "
            "each other",
        ),
    ],
)
def test_bad_yaml_is_refused(text: str, message: str | None) -> None:
    with pytest.raises(ModelFileError) as caught:
        parse_yaml(text, "f.yaml")
    assert str(caught.value) == message or message is None


def test_tabs_are_named() -> None:
    with pytest.raises(ModelFileError) as caught:
        parse_yaml("a:\n\tb: 1\n", "f.yaml")
    assert str(caught.value) == (
        "f.yaml:2: found character '\\t' that cannot start any token; indent with spaces, not tabs"
    )


def test_nodes_know_their_lines() -> None:
    root = parse_yaml("a: 1\nb:\n  - x\n  - {c: 2.5}\n", "f.yaml")
    assert root == Fields(
        {
            "a": Scalar(1, 1),
            "b": Items((Scalar("x", 3), Fields({"c": Scalar(2.5, 4)}, 4)), 3),
        },
        1,
    )


def test_windows_files_and_aliases_are_fine() -> None:
    root = parse_yaml("\ufeffa: &x [1, 2]\r\nb: *x\r\n", "f.yaml")
    assert isinstance(root, Fields)
    assert root.fields["a"] == root.fields["b"]


def test_lines_are_found_by_path_through_choices() -> None:
    root = parse_yaml(
        "stages:\n  - block:\n      choice:\n        - conv\n        - lru:\n"
        "            reuse: {choice: [1, 2]}\n",
        "f.yaml",
    )
    assert line_at(root, "stages.0.block.lru.reuse") == 6
    assert line_at(root, "stages.0.block.conv") == 4
    assert line_at(root, "stages.0.block.lru.groups") == 6, "the nearest one above"
    assert line_at(root, "nowhere") == 1


def test_an_override_is_one_value_without_a_line() -> None:
    assert parse_scalar("3", "--set a=3") == Scalar(3, 0)
    for text in ("[1, 2]", "{a: 1}"):
        with pytest.raises(ModelFileError, match="a single value is needed here"):
            parse_scalar(text, "--set a=")
    with pytest.raises(ModelFileError) as caught:
        parse_scalar("no", "--set a=no")
    assert str(caught.value).startswith("--set a=no: 'no' is not the same")
