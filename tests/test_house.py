"""What CONTRIBUTING.md and docs/structure.md say of the whole, held to it."""

from __future__ import annotations

import ast
import re
import statistics
import sys
import tomllib
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

import nas

PACKAGE = Path(nas.__file__).parent
PROJECT = PACKAGE.parent / "pyproject.toml"
PICTURE = PACKAGE.parent / "docs" / "structure.md"
needs_checkout = pytest.mark.skipif(
    not (PROJECT.is_file() and PICTURE.is_file()), reason="not part of this copy"
)
DISTRIBUTIONS = {"PIL": "pillow", "mlflow": "mlflow-skinny", "yaml": "pyyaml"}
"""Of modules that are not called like what installs them."""
BY_HAND = {"ai_edge_litert", "ai_edge_quantizer", "litert_torch", "tflite_micro"}
"""For `--tflite`: what is missing is named with the command that installs it."""


@pytest.mark.xdist_group("house")
def test_groups_of_tests_share_a_process(request: pytest.FixtureRequest) -> None:
    """Or every process starts a Ray of its own: pytest 9.2 and xdist 3.8 do, without a word."""
    if request.config.getoption("loadgroup", default=False):
        assert request.node.nodeid.endswith("@house")


@cache
def sources() -> dict[Path, str]:
    """Every module of nas."""
    return {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}


@dataclass(frozen=True, slots=True)
class Census:
    function_lines: list[int] = field(default_factory=list)
    imported: set[str] = field(default_factory=set)
    """The roots of what is imported, wherever it is."""

    def add(self, node: ast.AST) -> None:
        """Count a node, and the statements within."""
        if isinstance(node, ast.FunctionDef):
            self.function_lines.append((node.end_lineno or 0) - node.lineno + 1)
        elif isinstance(node, ast.Import):
            self.imported.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            self.imported.add(str(node.module).partition(".")[0])
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.expr):
                self.add(child)


@cache
def census() -> Census:
    made = Census()
    for text in sources().values():
        made.add(ast.parse(text))
    return made


@cache
def project() -> dict[str, Any]:
    return tomllib.loads(PROJECT.read_text())


def test_functions_and_files_are_short() -> None:
    lines = census().function_lines
    assert statistics.median(lines) <= 12
    assert statistics.quantiles(lines, n=10)[-1] <= 30
    assert {p.name: n for p, text in sources().items() if (n := text.count("\n")) > 400} == {}


@needs_checkout
def test_what_is_imported_is_declared() -> None:
    table = project()["project"]
    extras = chain.from_iterable(table["optional-dependencies"].values())
    declared = {re.findall(r"[\w-]+", one)[0] for one in (*table["dependencies"], *extras)}

    others = census().imported - sys.stdlib_module_names - BY_HAND - {"nas", "_typeshed"}
    assert {DISTRIBUTIONS.get(one, one) for one in others} - declared == set()


@needs_checkout
@pytest.mark.parametrize("page", ["README.md", "docs/structure.md"])
def test_the_picture_of_the_house_is_the_contract(page: str) -> None:
    contracts = project()["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one["type"] == "layers")

    entrance, *house = (set(re.findall(r"\w+", layer)) for layer in layers)
    assert entrance == {"__main__"}
    assert drawn(PACKAGE.parent / page) == house


def drawn(page: Path) -> list[set[str]]:
    """The layers of a page's picture, from the top: a row each, or several with `>` between."""
    (picture,) = re.findall(r"```text\n( +cli .*?)```", page.read_text(), re.DOTALL)
    rows = (re.split(" {4,}", row.strip())[0] for row in picture.splitlines() if row.strip(" |"))
    return [set(re.findall(r"\w+", layer)) for row in rows for layer in row.split(">")]
