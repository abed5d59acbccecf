"""Which text of a plug-in a figure belongs to: ids hold the names of classes, not their bodies."""

from __future__ import annotations

import hashlib
import inspect
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from nas.families.registry import BUILT_IN, FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import ModuleType

_OURS = frozenset(family.name for family in BUILT_IN)


def plugin_digest(words: Iterable[str]) -> str:
    """Eight hex digits of the plug-ins' modules that `words` name; empty where they name none.

    Words are names of classes and functions, or kinds of components; others mean nothing.
    """
    foreign = tuple(name for name in FAMILIES if name not in _OURS)
    if not foreign:
        return ""
    known = _texts(foreign)
    texts = sorted({known[word] for word in words if word in known})
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8] if texts else ""


@cache
def _texts(families: tuple[str, ...]) -> Mapping[str, str]:
    """The text of the module behind every name that these families brought."""
    # Loads torch.
    from nas.families._names import names_in

    found: dict[str, str] = {}
    for family in (FAMILIES[name] for name in families):
        module = import_module(family.modules)
        kinds = (options.kind for options in family.options)
        found |= dict.fromkeys((*names_in(module), *kinds), _text(module))
    return found


def _text(module: ModuleType) -> str:
    try:
        return inspect.getsource(module)
    except OSError:  # it came without its source
        return module.__name__
