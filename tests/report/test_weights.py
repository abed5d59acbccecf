from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from nas.report import weights_remarks

if TYPE_CHECKING:
    from nas.report import FrontRow

ROWS = [cast("FrontRow", SimpleNamespace(arch_id=f"id{number}")) for number in range(12)]


def test_networks_without_weights_are_named_with_the_command_that_trains_them() -> None:
    [said] = weights_remarks(ROWS[:3], {"id1"}, run="my run")

    assert said == (
        "2 networks of the front without weights (id0, id2), as `nas export` needs them: "
        "`nas repair 'my run'` trains these again, as the search did."
    )


def test_of_many_some_are_named_and_the_rest_counted() -> None:
    [said] = weights_remarks(ROWS, frozenset(), run="run")

    assert said.startswith("12 networks of the front without weights (id0, id1,")
    assert "id7 and 4 more), as" in said


def test_nothing_is_said_of_a_whole_front_nor_while_weights_come_and_go() -> None:
    every = {row.arch_id for row in ROWS}

    assert weights_remarks(ROWS, every, run="run") == ()
    assert weights_remarks(ROWS, None, run="run") == ()
    assert weights_remarks([], frozenset(), run="run") == ()
