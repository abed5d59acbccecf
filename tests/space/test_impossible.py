from __future__ import annotations

from nas.space import illegal_choices, impossible_choices, parse_space

TEXT = """
stem: {conv: {channels: 12}}
stages:
  - channels: 12
    block: {choice: [{lru: {reuse: 2, groups: {choice: [4, 5]}}}, separable]}
head: gap_linear
"""


def test_a_choice_that_is_never_a_network_is_named() -> None:
    space = parse_space(TEXT, source="here", name="here")

    # 5 groups never divide 12 channels; 4 groups and the other block do as well as ever.
    assert illegal_choices(space) == ("stages.0.block.lru.groups=5",)


def test_what_few_settings_chose_is_not_judged() -> None:
    space = parse_space(TEXT, source="here", name="here")
    odd, fine = (0, 1), (1, 0)

    assert impossible_choices(space, [(odd, False)] * 29 + [(fine, True)]) == ()
    assert impossible_choices(space, [(odd, False)] * 30 + [(fine, True)]) == (
        "stages.0.block=lru",
        "stages.0.block.lru.groups=5",
    )
    assert impossible_choices(space, [(odd, False)] * 99) == ()
