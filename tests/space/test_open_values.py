"""Open values: choices, ranges and tied values, and the errors in them."""

from __future__ import annotations

import pytest

from tests.space.small import ACTIVATIONS, CHOICE, CONV, FILE, SCALED, edited, message, read


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{choice: []}", ": choice is empty; list at least one value"),
        ("{choice: }", ": choice needs a list, as in {choice: [1, 2, 4]}"),
        ("{choice: 8}", ": choice needs a list, as in {choice: [1, 2, 4]}"),
        ("{choice: {a: 8}}", ": choice needs a list, as in {choice: [1, 2, 4]}"),
        ("{choice: [8, 16, 8]}", ": choice lists 8 twice"),
        ("{choice: [8, eight]}", ": a whole number is needed here, not 'eight'"),
        ("{choice: [8, 0]}", ": 0 is not allowed; it must be between 1 and 65536"),
        ("{choice: [8], step: 2}", ".step: unknown key beside 'choice'"),
        ("{range: [1, 2], stop: 2}", ".stop: unknown key beside 'range' (known: range, step)"),
        ("{range: [16, 8]}", ": range needs [low, high] with low <= high, step above 0"),
        ("{range: [8, 16], step: 0}", ": range needs [low, high] with low <= high, step above 0"),
        ("{range: [8]}", ": range needs two numbers, as in {range: [1, 4]}"),
        ("{range: [8, 12, 16]}", ": range needs two numbers, as in {range: [1, 4]}"),
        ("{range: 8}", ": range needs two numbers, as in {range: [1, 4]}"),
        ("{range: }", ": range needs two numbers, as in {range: [1, 4]}"),
        ("{range: [a, b]}", ": range and step need numbers, not 'a'"),
        ("{range: [8, true]}", ": range and step need numbers, not true"),
        ("{range: [8, 16], step: [4]}", ": range and step need numbers, not a list"),
        ("{range: [8, 16], step: }", ": range and step need numbers, not nothing"),
        (
            "{range: [0.5, 2]}",
            ": a range that is not of whole numbers needs a step, as in "
            "{range: [0.5, 2], step: 0.1}",
        ),
        (
            "{range: [8, 17], step: 4}",
            ": steps of 4 from 8 do not meet 17: the last one below is 16, the next one 20",
        ),
        ("{range: [8, 2000]}", ": range spans 1,993 values; at most 1,000"),
        ("{range: [0, 8]}", ": 0 is not allowed; it must be between 1 and 65536"),
        ("{range: [8, 9], step: 0.5}", ": a whole number is needed here, not 8.0; write 8"),
    ],
)
def test_choices_and_ranges(value: str, expected: str) -> None:
    assert message(edited(CHOICE, value)) == f"f.yaml:4: stages.0.channels{expected}"


def test_a_range_includes_both_ends() -> None:
    def labels(value: str) -> tuple[object, ...]:
        return read(edited(CHOICE, value)).genes[0].labels

    assert labels("{range: [8, 11]}") == (8, 9, 10, 11)
    assert labels("{range: [16, 48], step: 16}") == (16, 32, 48)
    half = read(edited(CONV, "{half_identity: {identity_ratio: {range: [0, 0.6], step: 0.2}}}"))
    assert half.genes[1].labels == (0.0, 0.2, 0.4, 0.6)


def test_a_choice_of_one_value_is_closed() -> None:
    for value in ("{choice: [8]}", "{range: [8, 8]}"):
        assert not read(edited(CHOICE, value)).is_open


ACTIVATION = edited("transition: conv\n", "transition: conv\n    activation: %s\n")


@pytest.mark.parametrize(
    ("value", "tied", "expected"),
    [
        (
            "{tied: act}",
            "",
            "f.yaml:6: stages.0.activation: tied value 'act' is not defined "
            "(defined under the top-level key 'tied': nothing)",
        ),
        (
            "{tied: activaton}",
            "tied: {activation: {choice: [relu, silu]}}\n",
            "f.yaml:6: stages.0.activation: tied value 'activaton' is not defined, "
            "did you mean 'activation'? (defined under the top-level key 'tied': activation)",
        ),
        (
            "relu",
            "tied: {a: {choice: [relu, silu]}}\n",
            "f.yaml:9: tied.a: nothing uses this value; {tied: a} would",
        ),
        (
            "{tied: a, choice: [relu]}",
            "tied: {a: {choice: [relu, silu]}}\n",
            "f.yaml:6: stages.0.activation.choice: unknown key beside 'tied' (known: tied, times)",
        ),
        (
            "{tied: [a]}",
            "tied: {a: {choice: [relu, silu]}}\n",
            "f.yaml:6: stages.0.activation: tied needs the name of a value, not a list",
        ),
        (
            "{tied: a}",
            "tied: {a: {choice: [relu, slu]}}\n",
            "f.yaml:9: tied.a: 'slu' is not allowed, did you mean 'silu'? "
            f"(allowed: {ACTIVATIONS})",
        ),
        (
            "{tied: a}",
            "tied: {a: {tied: a}}\n",
            "f.yaml:9: tied.a: tied value 'a' refers to itself",
        ),
        (
            "{tied: a}",
            "tied:\n  a: {choice: [relu, {tied: b}]}\n  b: {choice: [silu, {tied: a}]}\n",
            "f.yaml:11: tied.b.option_2: tied value 'a' refers to itself",
        ),
        (
            "relu",
            "tied: [a]\n",
            "f.yaml:9: tied: a mapping of names to open values is needed here, not a list",
        ),
        (
            "relu",
            "tied:\n",
            "f.yaml:9: tied: a mapping of names to open values is needed here, not nothing",
        ),
    ],
)
def test_tied_values(value: str, tied: str, expected: str) -> None:
    assert message(ACTIVATION % value + tied) == expected


def test_a_tied_value_must_fit_every_place_it_is_used_in() -> None:
    text = FILE.replace("channels: 8", "channels: {tied: a}").replace(
        CONV, "{residual: {kernel: {tied: a}}}"
    )
    assert message(text + "tied: {a: {choice: [1, 2]}}\n") == (
        "f.yaml:8: tied.a: 2 is not allowed (allowed: 1, 3, 5, 7)"
    )


def test_scaled_tied_values_are_one_gene() -> None:
    space = read(SCALED)
    assert [gene.name for gene in space.genes] == ["tied.w", "tied.w.option_2"]
    assert space.num_settings == 3
    archs = [space.decode(genome) for genome in ((0, 0), (1, 0), (1, 1))]
    assert [[stage.channels for stage in arch.stages] for arch in archs] == [
        [8, 16, 12],
        [16, 32, 24],
        [32, 64, 48],
    ]
    assert [arch.stages[2].block.expansion for arch in archs] == [1, 2, 4]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("times: 0.3", "a whole number is needed here, not 2.4"),
        ("times: two", "times needs a number, not 'two'"),
        ("times: 0", "0 is not allowed; it must be between 1 and 65536"),
        ("tims: 2", "unknown key beside 'tied' (known: tied, times)"),
    ],
)
def test_scaled_tied_values_must_fit(written: str, expected: str) -> None:
    text = SCALED.replace("times: 2", written)
    assert expected in message(text)
