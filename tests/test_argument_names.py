"""The library names arguments as Python does; only the command line says options."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import nas
from nas.bench import BenchSettings
from nas.cli._flags import with_flags
from nas.data import DataOptions
from nas.errors import OptionError
from nas.final import FinalistsSettings, TrainingSettings
from nas.metrics import limit_of
from nas.space import load_space
from nas.train import load_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = Path(nas.__file__).parent
OPTION = re.compile(r"(?<![\w-])--[a-z]")
COMMAND = re.compile(r"\b(?:nas [a-z-]+|ray start|tensorboard)\b[^`.;]*")
"""Whole ones, to be typed."""
NAME = re.compile(r"`([a-z][a-z0-9_]*)`")
SAID = re.compile(rf'(?<!")"(?!").*{NAME.pattern}')
"""A string with a name in it, unless it is a docstring."""
NOT_TOLD = {
    "metrics/_table.py": "the options of `nas search` that set limits",
    "run/_latency.py": "words of a command to paste",
    "report/_page.py": "a style sheet",
    "drawing/_style.py": "a style sheet",
}
"""Files whose strings with options are no sentences, and what they are."""
NO_ARGUMENTS = {
    "bounds": "a field of Metric",
    "compute": "a field of Metric",
    "depth": "a key of model files",
    "images": "an input of ONNX files",
}
"""Other names in sentences, which no option sets."""


@cache
def sources() -> dict[str, str]:
    """Text of the library's files, by path."""
    files = {path.relative_to(PACKAGE): path for path in sorted(PACKAGE.rglob("*.py"))}
    return {
        short.as_posix(): path.read_text(encoding="utf-8")
        for short, path in files.items()
        if short.parts[0] != "cli"
    }


def strings(node: ast.AST, *, docs: bool) -> Iterator[str]:
    """Every string, with {} for the values of an f-string; docstrings too where asked for."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(
            str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values
        )
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        inside = isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)
        is_doc = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        if not inside and (docs or not is_doc):
            yield from strings(child, docs=docs)


def test_the_library_says_no_options() -> None:
    said = [
        f"{file}: {text}"
        for file, source in sources().items()
        if file not in NOT_TOLD and OPTION.search(source)
        for text in strings(ast.parse(source), docs=True)
        if OPTION.search(COMMAND.sub("", text))
    ]

    assert said == []


def test_every_exception_to_that_is_needed() -> None:
    assert {file for file, source in sources().items() if OPTION.search(source)} >= NOT_TOLD.keys()


def test_what_errors_name_is_an_argument_and_an_option() -> None:
    annotated = set(re.findall(r"\b([a-z][a-z0-9_]*): [A-Za-z]", "\n".join(sources().values())))
    named = {
        name
        for source in sources().values()
        if SAID.search(source)
        for text in strings(ast.parse(source), docs=False)
        for name in NAME.findall(text)
    } - NO_ARGUMENTS.keys()

    assert {"budget", "overrides", "group_by", "num_seeds"} <= named
    assert named - annotated == set()
    assert {name for name in named if with_flags(f"`{name}`").startswith("`")} == set()


@pytest.mark.parametrize(
    ("refused", "in_python", "typed"),
    [
        (lambda: DataOptions(resize="squash"), "`resize` squash: ", "--resize squash: "),
        (lambda: DataOptions(channels=2), "`channels` 2: ", "--channels 2: "),
        (lambda: FinalistsSettings(finalists=0), "`finalists` 0: ", "--finalists 0: "),
        (lambda: TrainingSettings(seeds=()), "`seeds` 0: ", "--seeds 0: "),
        (lambda: BenchSettings(out=Path(), num_seeds=0), "`num_seeds` 0: ", "--seeds 0: "),
        (lambda: load_space("lrunet_1_1x", ["a"]), "`overrides` a: ", "--set a: "),
        (lambda: load_recipe("light", ["a"]), "`overrides` a: ", "--set a: "),
        (lambda: limit_of("params", "no"), "`limits` params no: ", "--max-params no: "),
        (lambda: limit_of("epsilon", 1), "`limits`: ", "--limit: "),
    ],
)
def test_an_error_names_the_argument_in_python_and_the_option_in_a_shell(
    refused: Callable[[], object], in_python: str, typed: str
) -> None:
    with pytest.raises(OptionError) as error:
        refused()

    assert str(error.value).startswith(in_python)
    assert with_flags(str(error.value)).startswith(typed)


def test_a_limit_without_an_option_of_its_own_is_given_by_name() -> None:
    assert with_flags("`limits` joules 3: so") == "--limit joules 3: so"


def test_what_no_option_sets_stays_as_it_is() -> None:
    said = "give `compute`, see `nas show`; `depth`, ``budget` and `x.budget` are not meant"

    assert with_flags(said) == said.replace("`budget`", "--budget")
