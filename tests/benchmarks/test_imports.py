"""Benchmarks run rarely: a name that has moved would be noticed late."""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def imports_of_nas(program: Path) -> list[tuple[str, str]]:
    """(module, name) of every `from nas... import name`."""
    nodes = ast.walk(ast.parse(program.read_text()))
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return [
        (node.module, alias.name)
        for node in froms
        if node.module and node.module.split(".")[0] == "nas"
        for alias in node.names
    ]


def missing(module: str, name: str) -> bool:
    if hasattr(import_module(module), name):
        return False
    return find_spec(f"{module}.{name}") is None


@pytest.mark.parametrize(
    "program", sorted(BENCHMARKS.rglob("*.py")), ids=lambda path: str(path.relative_to(BENCHMARKS))
)
def test_what_a_benchmark_imports_exists(program: Path) -> None:
    assert [pair for pair in imports_of_nas(program) if missing(*pair)] == []
