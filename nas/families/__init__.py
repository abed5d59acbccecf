"""The block families: one folder each, with options, modules and traces, and their registry.

`options.py` and `trace.py` load no torch. `modules.py` imports torch, the standard library and
`nas.layers` only, so that export can copy the classes a network uses, and nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nas.families._kept import keep_plugins, load_kept_plugins
from nas.families._plugin_text import plugin_digest
from nas.families._plugins import (
    Plugin,
    find_plugin,
    load_installed,
    load_plugin,
    load_plugins,
    loaded_plugins,
    register_family,
)
from nas.families.registry import (
    COMPONENTS,
    FAMILIES,
    TRACES,
    merge_calls,
    merge_places,
    trace_layers,
)

if TYPE_CHECKING:
    from nas.families._names import instantiate, known_names

__all__ = [
    "COMPONENTS",
    "FAMILIES",
    "TRACES",
    "Plugin",
    "find_plugin",
    "instantiate",
    "keep_plugins",
    "known_names",
    "load_installed",
    "load_kept_plugins",
    "load_plugin",
    "load_plugins",
    "loaded_plugins",
    "merge_calls",
    "merge_places",
    "plugin_digest",
    "register_family",
    "trace_layers",
]

_NEED_TORCH = {"instantiate": "nas.families._names", "known_names": "nas.families._names"}


def __getattr__(name: str) -> Any:
    """Load what needs torch when it is first asked for."""
    if name not in _NEED_TORCH:
        raise AttributeError(f"module 'nas.families' has no attribute '{name}'")
    return getattr(import_module(_NEED_TORCH[name]), name)
