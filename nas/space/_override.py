"""`stages.*.block.mgic.group_size=16`: change values of a model file without a new file.

A path names keys and list positions, `*` any list position. Choices are transparent: the path of
an option's value is the same whether the option is open or given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.errors import OptionError
from nas.space._words import near
from nas.space._yaml import Fields, Items, Scalar, join, parse_scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nas.space._yaml import Node


def override(root: Fields, assignments: Sequence[str]) -> Fields:
    """The tree with every `PATH=VALUE` applied in turn. Raises OptionError, ModelFileError."""
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise OptionError(
                f"`overrides` {assignment}: write PATH=VALUE, as in stages.*.depth=2"
            )
        value = parse_scalar(text, f"`overrides` {assignment}")
        root, hits = _set_field(root, tuple(path.split(".")), value)
        if not hits:
            hint = near(path, dict.fromkeys(_paths(root, "")))
            raise OptionError(
                f"`overrides` {assignment}: nothing in the model file is at {path}{hint}; "
                "paths are those that `nas show` prints"
            )
    return root


def _set(node: Node, path: tuple[str, ...], value: Scalar) -> tuple[Node, int]:
    """The node with `value` at `path`, and how many places that were."""
    if isinstance(node, Fields) and "choice" in node.fields and path:
        options, hits = _set_each(node.fields["choice"], path, value)
        return Fields({"choice": options}, node.line), hits
    if not path:
        return value, 1
    if isinstance(node, Items):
        return _set_item(node, path, value)
    if isinstance(node, Scalar) and node.value == path[0] and len(path) > 1:
        node = Fields({str(node.value): Fields({}, node.line)}, node.line)
    if not isinstance(node, Fields):
        return node, 0
    return _set_field(node, path, value)


def _set_item(node: Items, path: tuple[str, ...], value: Scalar) -> tuple[Node, int]:
    items, total = list(node.items), 0
    for index, item in enumerate(items):
        if path[0] in ("*", str(index)):
            items[index], hits = _set(item, path[1:], value)
            total += hits
    return Items(tuple(items), node.line), total


def _set_field(node: Fields, path: tuple[str, ...], value: Scalar) -> tuple[Fields, int]:
    key, rest = path[0], path[1:]
    if key not in node.fields:
        # A last key may be missing because its default stood in for it; the reader checks it.
        return (Fields({**node.fields, key: value}, node.line), 1) if not rest else (node, 0)
    child, hits = _set(node.fields[key], rest, value)
    return Fields({**node.fields, key: child}, node.line), hits


def _set_each(options: Node, path: tuple[str, ...], value: Scalar) -> tuple[Node, int]:
    if not isinstance(options, Items):  # which reading the file will say
        return options, 0
    items, total = [], 0
    for option in options.items:
        item, hits = _set(option, path, value)
        items.append(item)
        total += hits
    return Items(tuple(items), options.line), total


def _paths(node: Node, path: str) -> Iterator[str]:
    """The path of every value there is."""
    yield path
    if isinstance(node, Items):
        for index, item in enumerate(node.items):
            yield from _paths(item, join(path, str(index)))
    elif isinstance(node, Fields):
        options = node.fields.get("choice")
        if isinstance(options, Items):
            for option in options.items:
                yield from _paths(option, path)
            return
        for key, child in node.fields.items():
            yield from _paths(child, join(path, key))
