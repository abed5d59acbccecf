"""Every package lists what is public: it is there, it is documented, and nothing else is."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import nas
import nas.families

PACKAGES = [info.name for info in pkgutil.walk_packages(nas.__path__, "nas.") if info.ispkg]
FAMILIES = {info.name for info in pkgutil.iter_modules(nas.families.__path__) if info.ispkg}
CATALOGUES = {"nas.layers", *(f"nas.families.{name}" for name in FAMILIES)}
"""Packages whose files are public themselves."""


def public_names(name: str) -> list[str]:
    names: list[str] = importlib.import_module(name).__all__
    return names


def test_packages_are_found() -> None:
    assert {"nas.arch", "nas.space", "nas.cost", "nas.export", "nas.workers"} <= set(PACKAGES)


@pytest.mark.parametrize("name", [name for name in PACKAGES if name not in CATALOGUES])
def test_public_names_are_there_and_documented(name: str) -> None:
    module = importlib.import_module(name)
    names = public_names(name)
    assert len(names) == len(set(names))
    for public in names:
        item = getattr(module, public)
        if inspect.isclass(item) or inspect.isfunction(item):
            assert inspect.getdoc(item), f"{name}.{public} has no docstring"


@pytest.mark.parametrize("name", [name for name in PACKAGES if name not in CATALOGUES])
def test_nothing_else_is_made_public(name: str) -> None:
    """What an `__init__` imports from its own private modules is what it lists."""
    file = importlib.import_module(name).__file__
    assert file is not None
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"{name}._")
        for alias in node.names
    }
    assert imported <= set(public_names(name))


@pytest.mark.parametrize("name", [name for name in PACKAGES if name not in CATALOGUES])
def test_modules_inside_packages_are_private_or_listed_as_a_catalogue(name: str) -> None:
    if name == "nas.families":
        return  # `registry` stands beside what it lists
    inside = pkgutil.iter_modules(importlib.import_module(name).__path__)
    public = [info.name for info in inside if not info.name.startswith("_") and not info.ispkg]
    assert public == []


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_say_what_they_are_for(name: str) -> None:
    doc = importlib.import_module(name).__doc__
    assert doc
    assert doc.strip().endswith(".")


def test_other_packages_import_public_names_only() -> None:
    """`from nas.space._yaml import ...` is for `nas.space` alone."""
    root = Path(nas.__file__).parent
    offences = []
    for path in root.rglob("*.py"):
        own = ".".join(("nas", *path.relative_to(root).parent.parts))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            if module and module.startswith("nas.") and "._" in module:
                package = module.partition("._")[0]
                if not (own + ".").startswith(package + "."):
                    offences.append(f"{path.relative_to(root)}: {module}")
    assert offences == []
