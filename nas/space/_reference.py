"""The reference of model files, made from the records that they are read against."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
import types
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from nas.arch import COMPONENTS, Architecture, Component, Sharing, Stage
from nas.errors import OptionError
from nas.space._hints import field_hints, unwrap

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = {
    "activation": "Nonlinearity after each normalised layer.",
    "block": "What the stage repeats `depth` times.",
    "channels": "Channels that the part hands on.",
    "dropout": "Share of features set to 0 at random while training, before the last layer.",
    "groups": "Groups of the convolution; they must divide its channels.",
    "head": "From the last feature maps to one number a class.",
    "identity_ratio": "Share of the channels that skip the depthwise convolution.",
    "kernel": "Side of the kernels, in pixels.",
    "kernels": "Depthwise kernels: learned, or fixed ones that are not trained.",
    "name": "Of the network or space, for people; the file's name where left out.",
    "norm": "What normalises the convolution's output.",
    "se": "Whether a squeeze-and-excitation module follows.",
    "se_activation": "Nonlinearity inside the squeeze-and-excitation module.",
    "stages": "The stages, from the images to the head.",
    "stem": "The first layers, from images to feature maps.",
    "stride": "Pixels from one output to the next; 2 halves the resolution.",
}
"""What keys of several records mean, where the record itself does not say."""

OF_THE_FILE = (
    ("description", "text", "none", "What the file is, in a line; `nas spaces` prints it."),
    (
        "ladder",
        "text",
        "none",
        "Of a space: shorter trainings that come first, as `nas search --ladder` has them.",
    ),
    (
        "tied",
        "mapping of names to values",
        "none",
        "At the top: values that several places share. Elsewhere {tied: NAME} is that value, and "
        "{tied: NAME, times: 2} a multiple of it: one gene, wherever it stands.",
    ),
    (
        "choice",
        "list of values",
        "none",
        "In place of any value: {choice: [1, 2, 4]} leaves it open between those listed.",
    ),
    (
        "range",
        "two numbers",
        "none",
        "In place of a number: {range: [1, 4]} leaves it open between both ends, included.",
    ),
    ("step", "number", "1", "Of a range: from one value to the next."),
    ("times", "number", "none", "Of a tied number: what it is multiplied by."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a model file."""

    path: str
    """Where it stands: `stages.block.lru.reuse`."""
    type: str
    default: str
    """As a file has it; `required` where there is none."""
    meaning: str
    paper: str = ""
    """Title and address of the paper that the record follows, if any."""

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition(".")[2]


def reference() -> tuple[Key, ...]:
    """Every key of a model file, in the order of a file."""
    return tuple(_keys())


def explain(name: str) -> tuple[Key, ...]:
    """The keys called `name`, wherever they stand, and all inside a part such as `lru`.

    Raises:
        OptionError: there is none; with the nearest names.
    """
    wanted = name.strip().strip(".").replace("[]", "")
    keys = reference()
    matches = tuple(key for key in keys if f".{wanted}." in f".{key.path}.")
    if matches:
        return matches
    parts = {part for key in keys for part in key.path.split(".")}
    near = get_close_matches(wanted, sorted(parts), n=3)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise OptionError(f"{name}: no key of a model file is called so{hint}")


def _keys() -> Iterator[Key]:
    for name, kind, default, meaning in OF_THE_FILE:
        yield Key(path=name, type=kind, default=default, meaning=meaning)
    for key in _record_keys(Architecture, ""):
        yield key
        if key.name == "stages":
            yield from _record_keys(Stage, "stages.")
        if key.name == "sharing":
            yield from _record_keys(Sharing, "sharing.")
    for base, place in zip(
        COMPONENTS, ("stem", "stages.transition", "stages.block", "head"), strict=True
    ):
        for kind, record in COMPONENTS[base].items():
            yield from _component_keys(record, f"{place}.{kind}")


def _component_keys(record: type[Component], path: str) -> Iterator[Key]:
    """The kind itself, then its options."""
    summary = (inspect.getdoc(record) or "").partition("\n")[0]
    yield Key(path=path, type="kind", default="", meaning=summary, paper=_paper(record.__module__))
    yield from _record_keys(record, f"{path}.")
    hints: dict[str, tuple[Any, bool]] = field_hints(record)  # type: ignore[arg-type]
    for name, (hint, _) in hints.items():
        inner = get_args(hint)[0] if get_origin(hint) is tuple else None
        if isinstance(inner, type) and dataclasses.is_dataclass(inner):
            yield from _record_keys(inner, f"{path}.{name}.")


def _record_keys(record: type, prefix: str) -> Iterator[Key]:
    meanings, paper = _field_docs(record), _paper(record.__module__)
    defaults = {one.name: one for one in dataclasses.fields(record)}
    for name, (hint, required) in field_hints(record).items():
        default = "required" if required else _written(defaults[name].default)
        meaning = meanings.get(name) or SHARED.get(name, "")
        yield Key(
            path=f"{prefix}{name}",
            type=_type(hint),
            default=default,
            meaning=" ".join(meaning.split()),
            paper=paper,
        )


def _field_docs(record: type) -> dict[str, str]:
    """The strings that stand below a record's fields, inherited ones included."""
    found: dict[str, str] = {}
    for owner in reversed(record.__mro__):
        for item, after in _neighbours(owner):
            described = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if described and isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                found[item.target.id] = str(after.value.value)  # type: ignore[attr-defined]
    return found


def _neighbours(owner: type) -> list[tuple[ast.stmt, ast.stmt]]:
    module = sys.modules.get(owner.__module__)
    if module is None or owner.__module__ == "builtins":
        return []
    for node in _parsed(owner.__module__).body:
        if isinstance(node, ast.ClassDef) and node.name == owner.__name__:
            return list(zip(node.body, node.body[1:], strict=False))
    return []


@cache
def _parsed(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[module]))


def _paper(module: str) -> str:
    """What the module's docstring says after `Paper:`."""
    text = " ".join((sys.modules[module].__doc__ or "").split())
    found = re.search(r"Papers?: (.+? - https?://\S*[^\s.,;)])", text)
    return found[1] if found else ""


def _written(default: object) -> str:
    """A default as a model file has it."""
    if default is None:
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return f"[{', '.join(map(str, default))}]"
    if dataclasses.is_dataclass(default):
        return "its defaults"
    return str(default)


_WORDS: dict[Any, str] = {
    int: "whole number",
    float: "number",
    bool: "true or false",
    str: "text",
}


def _type(hint: Any) -> str:
    hint, bounds = unwrap(hint)
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return " or ".join("none" if one is type(None) else _type(one) for one in get_args(hint))
    if origin is tuple:
        return f"list of {_type(get_args(hint)[0])}"
    if origin is Literal:
        return ", ".join(map(str, get_args(hint)))
    word = _WORDS.get(hint) or f"{hint.__name__.lower()}"
    return f"{word}, {bounds}" if bounds is not None else word
