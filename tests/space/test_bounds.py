"""Model files that no network needs: an error that names the bound, before anything is slow."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import pytest

from nas.cost import cost_of
from nas.errors import IllegalArchitecture, ModelFileError, UserError
from nas.model import build_model
from nas.space import load_space
from nas.space._yaml import MAX_CHARACTERS
from tests.space.small import FILE, edited, read

if TYPE_CHECKING:
    from pathlib import Path


def message(text: str, *overrides: str) -> str:
    """The refusal. It takes half a second at most; a bomb that goes off takes minutes."""
    began_s = time.thread_time()
    with pytest.raises(ModelFileError) as caught:
        read(text, *overrides)
    assert time.thread_time() - began_s < 10
    return str(caught.value)


def bomb() -> str:
    """Nine values, of which each lists nine times the one before: 9 ** 10 when written out."""
    names = "abcdefghij"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{name}: &{name} [{', '.join(['*' + before] * 9)}]"
        for before, name in itertools.pairwise(names)
    ]
    return FILE + "\n".join(lines) + "\n"


def test_aliases_that_multiply() -> None:
    assert message(bomb()) == (
        "f.yaml:12: e: 66,430 values with aliases written out; a model file has at most 20,000"
    )


def test_aliases_of_a_decent_size_work() -> None:
    stage = "{channels: 8, block: conv, transition: conv}"
    text = (
        f"stem: {{conv: {{channels: 8}}}}\nstages: [&s {stage}{', *s' * 200}]\nhead: gap_linear\n"
    )
    assert len(read(text).decode(()).stages) == 201
    # What --set writes into a run folder has to be read again.
    again = read(read(text, "stages.7.channels=16").text)
    assert [stage.channels for stage in again.decode(()).stages[5:9]] == [8, 8, 16, 8]
    assert len(again.text) < 3_000, "aliases stay aliases"


def test_tied_values_that_multiply_are_read_once() -> None:
    names = [f"t{number}" for number in range(60)]
    tied = "".join(
        f"  {name}: {{choice: [{{tied: {after}}}, {{choice: [{{tied: {after}}}, 1]}}]}}\n"
        for name, after in itertools.pairwise(names)
    )
    text = edited("groups: 1", "groups: {tied: t0}")
    space = read(f"{text}tied:\n{tied}  {names[-1]}: {{choice: [1, 2]}}\n")
    assert len(space.genes) == 1 + 59 * 2 + 1


def test_long_files(tmp_path: Path) -> None:
    file = tmp_path / "long.yaml"
    file.write_text(FILE + "# " + "x" * MAX_CHARACTERS)
    with pytest.raises(ModelFileError, match=r"long.yaml:1: more than 65,536 characters"):
        load_space(str(file))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (range(1, 1002), "f.yaml:5: stages.0.channels: choice of 1,001 values; at most 1,000"),
        (range(1, 1001), None),
    ],
)
def test_choices_of_many_values(options: range, expected: str | None) -> None:
    text = edited("{choice: [8, 16]}", f"{{choice: {list(options)}}}")
    if expected is None:
        assert len(read(text).genes[0].labels) == 1000
    else:
        assert message(text) == expected.replace(":5:", ":4:")


def test_many_open_values() -> None:
    stage = "  - {channels: {choice: [8,16]}, block: conv}\n"
    text = f"stem: {{conv: {{channels: 8}}}}\nstages:\n{stage * 1200}head: gap_linear\n"
    assert len(read(text.replace(stage * 300, "", 1)).genes) == 900
    both = text.replace(stage, "  - {channels: &c {choice: [8,16]}, depth: *c, block: conv}\n", 1)
    two = both.replace(stage, "  - {channels: *c, depth: *c, block: conv}\n")
    assert message(two).endswith("one open value too many; at most 2,000")


def test_values_that_are_long_are_not_repeated_in_full() -> None:
    told = message(edited("channels: {choice: [8, 16]}", f"channels: {'x' * 5000}"))
    assert len(told) < 200
    digits = message(edited("channels: {choice: [8, 16]}", f"channels: {'1' * 5000}"))
    assert "a whole number is needed here, not '1111" in digits


@pytest.mark.parametrize("text", ["1" + "_" * 30_000 + "x", "1" + ":1" * 30_000 + "x"])
def test_scalars_made_to_be_slow(text: str) -> None:
    """Patterns over plain scalars backtrack, which took minutes on these."""
    assert "is needed here" in message(edited("channels: {choice: [8, 16]}", f"channels: {text}"))


# -- whole numbers ------------------------------------------------------------

INTEGERS = {
    "stem.conv.channels": "8.0",
    "stem.conv.kernel": "3.0",
    "stem.conv.stride": "2.0",
    "stages.0.channels": "16.0",
    "stages.0.depth": "1.0",
    "stages.0.stride": "1.0",
    "stages.0.block.conv.kernel": "3.0",
    "stages.0.block.conv.groups": "1.0",
    "stages.0.block.conv.reuse": "2.0",
}


@pytest.mark.parametrize("path", INTEGERS)
def test_a_float_is_no_whole_number(path: str) -> None:
    """3.0 made another id than 3, costs that were no whole numbers, and a crash."""
    value = INTEGERS[path]
    told = message(FILE, f"{path}={value}")
    assert told.startswith(f"f.yaml, as set by `overrides`: {path}: ")
    assert told.endswith(f"; write {value[:-2]}")


@pytest.mark.parametrize("key", ["kernel", "groups"])
@pytest.mark.parametrize("value", ["{range: [1, 3], step: 2.0}", "{choice: [1, 3.0]}"])
def test_open_values_are_whole_numbers_too(key: str, value: str) -> None:
    told = message(edited("{groups: 1}", f"{{{key}: {value}}}"))
    assert told.startswith(f"f.yaml:6: stages.0.block.conv.{key}: ")


def test_floats_may_be_written_as_whole_numbers() -> None:
    one = read(
        edited("head: gap_linear", "head: {gap_linear: {dropout: 0}}"), "stages.0.channels=8"
    )
    other = read(
        edited("head: gap_linear", "head: {gap_linear: {dropout: 0.0}}"), "stages.0.channels=8"
    )
    assert one.decode(()).id == other.decode(()).id


# -- networks that are too large ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (("stages.0.depth=100000000",), "stages.0.depth: 100000000 is not allowed; it must be"),
        (("stages.0.channels=99999999999999",), "must be between 1 and 65536"),
        (("stages.0.block.conv.reuse=100000000",), "reuse: 100000000 is not allowed"),
        (
            ("stages.0.channels=8", "stages.0.depth=1000", "stages.0.block.conv.reuse=200"),
            "stages: 200,000 applications of blocks (depth x reuse); at most 5,000, use fewer",
        ),
    ],
)
def test_networks_that_nobody_means(assignments: tuple[str, ...], expected: str) -> None:
    with pytest.raises(UserError) as caught:
        read(FILE, *assignments).decode((0,))
    assert expected in str(caught.value)


def test_what_no_memory_holds_can_be_costed_and_not_built() -> None:
    arch = read(FILE, "stages.0.channels=65536").decode(())
    assert cost_of(arch, input_shape=(3, 32, 32), num_classes=10).params > 2**31
    with pytest.raises(IllegalArchitecture, match="at most 2,147,483,648 can be built"):
        build_model(arch, in_channels=3, num_classes=10)
