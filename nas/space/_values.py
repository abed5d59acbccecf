"""Nodes -> template, for values that are given: records, components, lists, names and numbers.

The grammar is not written down a second time: keys, types, bounds and kinds are those of the
frozen records in `nas.arch`.
"""

from __future__ import annotations

import dataclasses
import types
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from nas.arch import COMPONENTS, Bounds, Component, Transition
from nas.errors import ModelFileError
from nas.families import load_installed
from nas.space._hints import field_hints, known_names, unwrap
from nas.space._sides import parse_sides, side_bounds
from nas.space._template import Fixed, Sequenced, simplify
from nas.space._words import LEAVE_OPEN, TYPE_NAMES, advice, near, shown
from nas.space._yaml import Fields, Items, Node, Scalar, join

if TYPE_CHECKING:
    from nas.space._template import Template


class ValueReader:
    """Reads the nodes of one file against the records' types; every value is given."""

    def __init__(self, source: str) -> None:
        """`source` names the file in messages."""
        self.source = source

    def read(self, node: Node, hint: Any, path: str) -> Template:
        """The template of a node that must hold a `hint`. Raises ModelFileError."""
        return self.read_given(node, hint, path)

    def read_given(self, node: Node, hint: Any, path: str) -> Template:
        """The template of a node that is not itself open; what is inside may be."""
        if (sides := side_bounds(hint)) is not None:
            if (value := parse_sides(node, sides)) is None:
                what = shown(node)
                raise self.error(
                    node, path, f"{what} is not allowed; it must be {sides}{advice(node)}"
                )
            return Fixed(value)
        hint, bounds = unwrap(hint)
        origin = get_origin(hint)
        if origin in (Union, types.UnionType):
            return self._read_either(node, get_args(hint), path)
        if origin is tuple:
            return self._read_items(node, get_args(hint)[0], path)
        if origin is Literal:
            return self._read_name(node, get_args(hint), path)
        if isinstance(hint, type) and issubclass(hint, Component) and hint in COMPONENTS:
            return self._read_component(node, hint, path)
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            if not isinstance(node, Fields):
                raise self.error(
                    node,
                    path,
                    f"a mapping is needed here, not {shown(node)} "
                    f"(known keys: {', '.join(field_hints(hint))})",
                )
            return self.read_record(node, hint, path)
        return self._read_scalar(node, hint, bounds, path)

    def _read_either(self, node: Node, hints: tuple[Any, ...], path: str) -> Template:
        """A value or none; a value or a list of such."""
        if type(None) in hints and isinstance(node, Scalar) and node.value in (None, "none"):
            return Fixed(None)
        listed = [hint for hint in hints if get_origin(hint) is tuple]
        single = [hint for hint in hints if hint not in (*listed, type(None))]
        wanted = listed if isinstance(node, Items) and listed else single
        return self.read_given(node, wanted[0], path)

    def _read_items(self, node: Node, hint: Any, path: str) -> Template:
        """A list, every item of one type."""
        if not isinstance(node, Items):
            raise self.error(node, path, f"a list is needed here, not {shown(node)}")
        if not node.items and dataclasses.is_dataclass(hint):
            raise self.error(node, path, "the list is empty; it needs at least one item")
        items = tuple(
            self.read(item, hint, f"{path}.{index}") for index, item in enumerate(node.items)
        )
        if all(isinstance(item, Fixed) for item in items):
            return Fixed(tuple(item.build((), set()) for item in items))
        return Sequenced(items)

    def _read_component(self, node: Node, base: type[Component], path: str) -> Template:
        """A stem, transition, block or head: `lru`, or `lru: {reuse: 2}`."""
        kinds, what = COMPONENTS[base], base.__name__.lower()
        if isinstance(node, Scalar) and isinstance(node.value, str):
            node = Fields({node.value: Fields({}, node.line)}, node.line)
        if not isinstance(node, Fields):
            needed = f"a kind of {what} is needed here, not {shown(node)} {_known_kinds(base)}"
            raise self.error(node, path, needed)
        if len(node.fields) != 1:
            named = " and ".join(node.fields) or "an empty mapping"
            raise self.error(
                node,
                path,
                f"one kind is needed here, not {named} {_known_kinds(base)}{LEAVE_OPEN}",
            )
        ((kind, options),) = node.fields.items()
        if kind not in kinds:
            known = _known_kinds(base)  # it loads installed plug-ins: the kind may be theirs
        if kind not in kinds:
            raise self.error(node, path, f"unknown {what} {kind!r}{near(kind, kinds)} {known}")
        if isinstance(options, Scalar) and options.value is None:
            options = Fields({}, options.line)
        if not isinstance(options, Fields):
            raise self.error(
                options,
                f"{path}.{kind}",
                f"a mapping of options is needed here, not {shown(options)} "
                f"({self._known_keys(kinds[kind])})",
            )
        return self.read_record(options, kinds[kind], f"{path}.{kind}")

    def read_record(self, node: Fields, cls: type, path: str) -> Template:
        """A record by its fields. Raises ModelFileError for unknown and missing keys."""
        known = field_hints(cls)
        for key, value in node.fields.items():
            if key not in known:
                raise self.error(
                    value,
                    join(path, key),
                    f"unknown key{near(key, known_names(cls))} ({self._known_keys(cls)})",
                )
        fields = []
        for key, (hint, required) in known.items():
            if key in node.fields:
                fields.append((key, self.read(node.fields[key], hint, join(path, key))))
            elif required:
                raise self.error(
                    node, path or "top level", f"missing key '{key}' ({self._known_keys(cls)})"
                )
        return simplify(cls, fields)

    def _known_keys(self, cls: type) -> str:
        """The keys of a record, for messages."""
        known = known_names(cls)
        return f"known: {', '.join(known)}" if known else "it has no options"

    def _read_name(self, node: Node, allowed: tuple[Any, ...], path: str) -> Template:
        """One of several names."""
        value = node.value if isinstance(node, Scalar) else None
        # 3 == 3.0 and 1 == True in Python, but not in a model file.
        if any(value == name and type(value) is type(name) for name in allowed):
            return Fixed(value)
        raise self.error(
            node,
            path,
            f"{shown(node)} is not allowed{near(value, allowed)} "
            f"(allowed: {', '.join(map(str, allowed))}){advice(node)}",
        )

    def _read_scalar(self, node: Node, hint: type, bounds: Bounds | None, path: str) -> Template:
        """A number, truth value or text, within its bounds."""
        value = node.value if isinstance(node, Scalar) else None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if hint is float and number:
            value = float(value)  # type: ignore[arg-type]
        elif not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
            raise self.error(
                node, path, f"{TYPE_NAMES[hint]} is needed here, not {shown(node)}{advice(node)}"
            )
        if bounds is not None and not bounds.admit(value):  # type: ignore[arg-type]
            raise self.error(node, path, f"{value} is not allowed; it must be {bounds}")
        return Fixed(value)

    def only_keys(self, node: Fields, known: tuple[str, ...], path: str) -> None:
        """Refuse keys beside the `known` ones."""
        for key in node.fields:
            if key not in known:
                beside = f" (known: {', '.join(known)})" if len(known) > 1 else ""
                raise self.error(node, join(path, key), f"unknown key beside '{known[0]}'{beside}")

    def error(self, node: Node, path: str, message: str) -> ModelFileError:
        """The error that says where it is wrong."""
        # Values that overrides put in have no line.
        unlined = f"{self.source}, as set by `overrides`"
        where = f"{self.source}:{node.line}" if node.line else unlined
        return ModelFileError(f"{where}: {path}: {message}")


def _known_kinds(base: type[Component]) -> str:
    """The kinds that there are, once those of installed packages are loaded too."""
    load_installed()
    kinds = [*COMPONENTS[base], *(["none"] if base is Transition else [])]
    return f"(known: {', '.join(kinds)})"
