"""The classes and functions that calls may name, looked up in the families' modules."""

from __future__ import annotations

import inspect
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from torch import nn

from nas.components import Call, Ref
from nas.families.registry import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from nas.components import Argument

LAYERS = ("activation", "conv_unit", "depthwise", "reuse", "shuffle", "squeeze_excite")
"""Modules of `nas.layers` with classes and functions that calls may name."""


def known_names() -> Mapping[str, Any]:
    """Every class and function that an architecture's calls may name."""
    return _names_of((*(f"nas.layers.{name}" for name in LAYERS), *_family_modules()))


def instantiate(call: Call, names: Mapping[str, Any] | None = None) -> Any:
    """Make one constructor call, arguments first; `names` stand in for `known_names`."""
    known = known_names() if names is None else names
    return known[call.name](**{key: _resolve(value, known) for key, value in call.arguments})


def _resolve(value: Argument, names: Mapping[str, Any]) -> Any:
    if isinstance(value, Call):
        return instantiate(value, names)
    if isinstance(value, Ref):
        return getattr(nn, value.name[3:]) if value.name.startswith("nn.") else names[value.name]
    return value


def _family_modules() -> tuple[str, ...]:
    return tuple(family.modules for family in FAMILIES.values())


@cache
def _names_of(modules: tuple[str, ...]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for name in modules:
        found.update(names_in(import_module(name)))
    return MappingProxyType(found)


def names_in(module: ModuleType) -> dict[str, Any]:
    """The modules and functions that a Python module defines itself."""
    return {
        name: item
        for name, item in vars(module).items()
        if not name.startswith("_")
        and getattr(item, "__module__", None) == module.__name__
        and (inspect.isfunction(item) or (inspect.isclass(item) and issubclass(item, nn.Module)))
    }
