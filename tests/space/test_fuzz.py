"""Model files and overrides that nobody means: a UserError or a network, within a second of work.

Files of ours are damaged word by word and line by line; overrides name real and made-up paths.
"""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING

import pytest

from nas.cost import cost_of
from nas.errors import IllegalArchitecture, UserError
from nas.space import catalogue, is_legal, parse_space
from tests.space.small import CONDITIONAL, FILE, NESTED, SCALED, SHARED, TIED

if TYPE_CHECKING:
    from nas.space import SearchSpace

MAX_SECONDS = 1.0
"""Of processor time, which other programs on the machine do not add to."""
SEVERAL = """\
stem: none
stages: [{channels: 8, block: {choice: [conv, {unet: {levels: {choice: [1, 2]}}}]}}]
head:
  multi:
    heads:
      - {name: one, outputs: {choice: [2, 3]}, head: {vgnet: {chunks: 1}}}
      - {name: other, outputs: 4, head: {choice: [pixels, {segmentation: {hidden: 8}}]}}
sharing: {scope: network, ratio: 0.5, private: [classifier]}
"""
SMALL = (FILE, CONDITIONAL, NESTED, TIED, SCALED, SHARED, SEVERAL)
SHIPPED = tuple(
    path.read_text(encoding="utf-8")
    for name, path in catalogue().items()
    if name in ("lru_vgnet_small", "resnet18_rpg", "mgic_resnet20", "lrunet_4_1x", "vgnetg_1.0mp")
)
VALUES = (
    *("0", "1", "2", "3", "7", "8", "64", "-1", "3.0", "0.5", "1e3", "1e99", "99999999999", "010"),
    *("true", "no", "null", "none", "~", "''", "'3'", "x", "conv", "lru", "relu", "[1, 2]", "[]"),
    *(
        "{}",
        "{choice: [1, 2]}",
        "{choice: []}",
        "{choice: [3, 3.0]}",
        "{range: [1, 4]}",
        "&a",
        "*a",
    ),
    *("{range: [1, 9], step: 2.0}", "{range: [4, 1]}", "{range: [0.1, 0.2]}", "{tied: kernel}"),
    *(
        "{tied: w, times: 3}",
        "{tied: w, times: 0.1}",
        "[[[[]]]]",
        "{conv: {}}",
        "!!str 1",
        "\t",
        "1:2",
    ),
    *(
        "{lru: {reuse: 99999}}",
        "{choice: [conv, {choice: [lru, conv]}]}",
        "[stem, head]",
        "é",
        "\0",
    ),
    *(
        "{conv: {groups: {choice: [1, 2, 3]}}}",
        "65536",
        "1000",
        "2.5e-3",
        "---",
        "# x",
        ": :",
        "<<",
    ),
)
KEYS = (
    *(
        "stem",
        "stages",
        "head",
        "sharing",
        "tied",
        "width",
        "resolution",
        "name",
        "ladder",
        "depth",
    ),
    *(
        "channels",
        "block",
        "transition",
        "kernel",
        "reuse",
        "ring",
        "ratio",
        "scope",
        "kinds",
        "0",
    ),
    *(
        "stages.*.depth",
        "stages.0.block.conv.kernel",
        "stages.0.depth",
        "stages.*.channels",
        "sharing.ring",
        "tied.w",
        "*",
        "stages.99.x",
    ),
    *("head.gap_linear.dropout", "stem.conv.channels", "width_rounding", "", ".", "a.b.c", "é"),
)
NUMBERS = (
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "7",
    "8",
    "12",
    "16",
    "24",
    "64",
    "1000",
    "0.5",
    "2.0",
    "-1",
)
WORD = re.compile(r"[\w.\-]+")
NUMBER = re.compile(r"(?<![\w.])[0-9.]+(?![\w.])")


def damaged(text: str, rng: random.Random) -> str:
    """`text` after some slips of numbers, and perhaps some accidents."""
    for _ in range(rng.randint(0, 3)):
        number = rng.choice(list(NUMBER.finditer(text)))
        text = text[: number.start()] + rng.choice(NUMBERS) + text[number.end() :]
    for _ in range(rng.choice((0, 0, 0, 1, 1, 4))):
        words = list(WORD.finditer(text))
        lines = text.splitlines(keepends=True)
        accident = rng.randrange(6)
        if accident <= 2 and words:  # another word
            word = rng.choice(words)
            text = text[: word.start()] + rng.choice((*VALUES, *KEYS)) + text[word.end() :]
        elif accident == 3 and lines:  # a line less, or twice
            place = rng.randrange(len(lines))
            lines[place : place + 1] = [lines[place]] * rng.choice((0, 2, 2, 30))
            text = "".join(lines)
        elif accident == 4 and text:  # a character more or less
            place = rng.randrange(len(text))
            text = text[:place] + rng.choice(("", "  ", "{", "}", "[", ":", "\n", "-", "*"))
            text += lines[-1] if lines else ""
        else:
            text += f"{rng.choice(KEYS)}: {rng.choice(VALUES)}\n"
    return text


def overrides(rng: random.Random) -> list[str]:
    """None, or up to three assignments."""
    pairs = ((rng.choice(KEYS), rng.choice(VALUES)) for _ in range(rng.choice((0, 0, 0, 1, 3))))
    return [f"{key}={value}" for key, value in pairs]


def use(space: SearchSpace, rng: random.Random) -> None:
    """What every command does first with a space."""
    assert space.num_settings >= 1
    for _ in range(3):
        arch = space.decode(space.random_genome(rng))
        if not is_legal(arch):
            continue
        assert re.fullmatch(r"[0-9a-f]{12}", arch.id)
        try:
            cost = cost_of(arch, input_shape=(3, 32, 32), num_classes=10)
        except IllegalArchitecture:  # too small an image for so many strides
            continue
        assert all(type(value) is int for value in (cost.params, cost.macs, cost.ring_params))


def fuzz(seeds: range) -> tuple[int, int]:
    """How many inputs were networks or spaces, and how many were refused."""
    legal = refused = 0
    for seed in seeds:
        rng = random.Random(seed)
        text = damaged(rng.choice(SMALL if rng.random() < 0.9 else SHIPPED), rng)
        given = overrides(rng)
        accepted, used = attempt(seed, text, given)
        if used >= MAX_SECONDS:  # a machine that is busy now and then is nobody's fault
            used = min(attempt(seed, text, given)[1] for _ in range(3))
        assert used < MAX_SECONDS, f"seed {seed}, {given}: {used:.2f} s\n{text}"
        legal += accepted
        refused += not accepted
    return legal, refused


def attempt(seed: int, text: str, given: list[str]) -> tuple[bool, float]:
    """Whether the input was legal, and how much processor time that took, s."""
    start = time.process_time()
    accepted = False
    try:
        space = parse_space(text, source="fuzz.yaml", name="fuzz", overrides=given)
        use(space, random.Random(seed))
        accepted = True
    except UserError as error:
        assert str(error), (seed, text, given)
    except Exception as error:
        raise AssertionError(f"seed {seed}, {given}: {error!r}\n{text}") from error
    return accepted, time.process_time() - start


CHUNK = 5000


def test_a_thousand_inputs() -> None:
    legal, refused = fuzz(range(1000))
    assert min(legal, refused) > 100, "both are tried"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("first", range(0, 100_000, CHUNK))
def test_a_hundred_thousand_inputs(first: int) -> None:
    legal, refused = fuzz(range(first, first + CHUNK))
    assert min(legal, refused) > 100
