"""Expressions break into lines where, and as, `ruff format` would break them."""

from __future__ import annotations

from nas.arch import Ref
from nas.components import call
from nas.export._render import WIDTH, flat, render, render_copies

SHORT = call("ConvNormAct", in_channels=8, activation=Ref("nn.ReLU"))
LONG = call(
    "HalfIdentityBlock",
    channels=32,
    identity=8,
    filters=call("Depthwise", channels=24),
    attention=call("SqueezeExcite", channels=16, hidden=8, activation=Ref("nn.ReLU")),
)


def test_values_are_written_as_python() -> None:
    assert flat(SHORT) == "ConvNormAct(in_channels=8, activation=nn.ReLU)"
    assert flat(call("A", b=0.5, c=True, d="x")) == 'A(b=0.5, c=True, d="x")'
    assert flat([[1], [2, 3]]) == "[[1], [2, 3]]"


def test_what_fits_stays_on_one_line() -> None:
    assert render(SHORT, 2, prefix="self.stem = ") == [
        "        self.stem = ConvNormAct(in_channels=8, activation=nn.ReLU)"
    ]


def test_what_does_not_fit_gets_a_line_for_each_argument() -> None:
    assert render(LONG, 3, suffix=",") == [
        "            HalfIdentityBlock(",
        "                channels=32,",
        "                identity=8,",
        "                filters=Depthwise(channels=24),",
        "                attention=SqueezeExcite(channels=16, hidden=8, activation=nn.ReLU),",
        "            ),",
    ]
    assert render(list(range(100, 130)), 0, prefix="scales=")[:3] == [
        "scales=[",
        "    100,",
        "    101,",
    ]


def test_the_last_column_counts() -> None:
    fits = call("A", b=Ref("x" * (WIDTH - len("    A(b=),"))))
    assert len(render(fits, 1, suffix=",")) == 1
    too_long = call("A", b=Ref("x" * (WIDTH + 1 - len("    A(b=),"))))
    assert len(render(too_long, 1, suffix=",")) == 3


def test_copies_are_a_loop() -> None:
    assert render_copies(SHORT, 1, 1) == ["    ConvNormAct(in_channels=8, activation=nn.ReLU),"]
    assert render_copies(SHORT, 3, 1) == [
        "    *(ConvNormAct(in_channels=8, activation=nn.ReLU) for _ in range(3)),"
    ]
    assert render_copies(LONG, 2, 3) == [
        "            *(",
        "                HalfIdentityBlock(",
        "                    channels=32,",
        "                    identity=8,",
        "                    filters=Depthwise(channels=24),",
        "                    attention=SqueezeExcite(channels=16, hidden=8, activation=nn.ReLU),",
        "                )",
        "                for _ in range(2)",
        "            ),",
    ]
