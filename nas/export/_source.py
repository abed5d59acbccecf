"""Which definitions a network needs, as source text: the classes its calls name and no others.

A family's modules import torch, the standard library and `nas.layers` only, so copying a
definition and what it refers to is enough to make a file that stands alone.
"""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from nas.errors import PluginError
from nas.export._inputs import OWN_IMPORTS, OWN_NAMES
from nas.families import known_names
from nas.sharing import Ring, generated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Definition:
    """One top-level class, function or constant."""

    name: str
    source: str
    uses: frozenset[str]


@dataclass(frozen=True, slots=True)
class SourceModule:
    """A block file, taken apart."""

    name: str
    docstring: str
    definitions: dict[str, Definition]
    imports: dict[str, str]
    """The import statement that binds each name, for names from outside `nas`."""
    borrowed: dict[str, str]
    """For names imported from another `nas` module: that module."""


@dataclass(slots=True)
class Sources:
    """The definitions of one network, collected."""

    modules: dict[str, set[str]] = field(default_factory=dict)
    """Wanted names by module, in order of first use."""
    imports: set[str] = field(default_factory=set)

    def need(self, name: str, module: SourceModule) -> None:
        """Take in a name used in `module`, and all that it uses in turn."""
        if name in module.imports:
            self.imports.add(module.imports[name])
        elif name in module.borrowed:
            self.need(name, take_apart(module.borrowed[name]))
        elif name in module.definitions and name not in self.modules.get(module.name, set()):
            self.modules.setdefault(module.name, set()).add(name)
            for used in sorted(module.definitions[name].uses):
                self.need(used, module)

    def names(self) -> set[str]:
        """All names that the definitions and imports bind."""
        bound = {statement.split()[-1].partition(".")[0] for statement in self.imports}
        return bound.union(*self.modules.values())

    def text(self) -> str:
        """The definitions, module by module in order of first use, each in its own order."""
        parts = []
        for name, wanted in self.modules.items():
            module = take_apart(name)
            if not name.startswith("nas."):
                # Our classes name their papers themselves; a plug-in's file may be all it says.
                parts.append(_heading(module.docstring))
            parts += [item.source for key, item in module.definitions.items() if key in wanted]
        return "\n\n\n".join(parts)


def collect(names: Iterable[str]) -> Sources:
    """Everything that the classes and functions called `names` need.

    Raises PluginError where two different things of one name would stand in one file.
    """
    sources = Sources()
    known = {**known_names(), **_OF_RINGS}
    for name in names:
        sources.need(name, take_apart(known[name].__module__))
    _require_unique(sources)
    return sources


_OF_RINGS = {"Ring": Ring, "generated": generated}


def check_exportable() -> None:
    """Raise PluginError unless all that calls may name, plug-ins included, fits into one file."""
    collect([*known_names(), *_OF_RINGS])


def _require_unique(sources: Sources) -> None:
    known: dict[str, tuple[str, object]] = {}
    for name, where, thing in _bindings(sources):
        other, there = known.setdefault(name, (where, thing))
        if not _is_same(there, thing):
            raise PluginError(
                f"exported code: {name} is one thing in {other} and another in {where}, and a "
                "file has one of a name; rename it in the plug-in"
            )


def _is_same(one: object, other: object) -> bool:
    """Whether it does not matter which; typing's names stand for those of collections.abc."""
    return getattr(one, "__origin__", one) is getattr(other, "__origin__", other)


def _bindings(sources: Sources) -> Iterator[tuple[str, str, object]]:
    """The names of a file: each with where it comes from, in words, and what it stands for."""
    for name in OWN_NAMES:
        yield name, "what every exported file ends with", object()
    for statement in sorted(sources.imports | OWN_IMPORTS):
        bound: dict[str, object] = {}
        exec(statement, bound)  # of a module that is loaded
        name = statement.split()[-1].partition(".")[0]
        yield name, f"`{statement}`", bound[name]
    for module, names in sources.modules.items():
        for name in sorted(names):
            yield name, module, object()


@cache
def take_apart(module_name: str) -> SourceModule:
    """Parse an imported module of a family, of `nas.layers` or `nas.sharing`."""
    text = inspect.getsource(sys.modules[module_name])
    tree = ast.parse(text)
    imports, borrowed, definitions = {}, {}, {}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                name = alias.asname or alias.name
                if isinstance(node, ast.ImportFrom) and str(node.module).startswith("nas."):
                    borrowed[name] = str(node.module)
                else:
                    imports[name] = _import_of(node, alias)
        elif (bound := _bound_name(node)) is not None:
            definitions[bound] = Definition(bound, _source(text, node), _names_in(node))
    docstring = ast.get_docstring(tree) or ""
    return SourceModule(module_name, docstring, definitions, imports, borrowed)


def _bound_name(node: ast.stmt) -> str | None:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return node.name
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return None


def _names_in(node: ast.stmt) -> frozenset[str]:
    return frozenset(item.id for item in ast.walk(node) if isinstance(item, ast.Name))


def _source(text: str, node: ast.stmt) -> str:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def _import_of(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    renamed = f" as {alias.asname}" if alias.asname else ""
    if isinstance(node, ast.ImportFrom):
        return f"from {node.module} import {alias.name}{renamed}"
    return f"import {alias.name}{renamed}"


def _heading(docstring: str) -> str:
    """What a block file is and its source, the first two paragraphs, as comments."""
    paragraphs = docstring.split("\n\n")[:2]
    return "\n".join(f"# {line}".rstrip() for line in "\n\n".join(paragraphs).splitlines())
