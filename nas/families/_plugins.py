"""Families from outside: a Python file, a module, or an entry point of an installed package.

A plug-in is a module in which `FAMILY` is a `Family`, or `FAMILIES` a tuple of them. Whoever
searches names it; the workers are given its name and text, and load it before any network.
"""

from __future__ import annotations

import inspect
import linecache
import sys
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from importlib import import_module
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from nas.components import Family
from nas.errors import PluginError
from nas.families.registry import COMPONENTS, FAMILIES, add_family

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nas.components import Component

ENTRY_POINTS = "nas.families"
"""Group in which installed packages name modules with families."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A module with families, so that another process can load it too."""

    module: str
    """Its name once imported."""
    text: str | None = None
    """Of a file: its source, for machines that do not have it. None for an installed module."""
    path: str | None = None
    """Of a file: where it was read, for messages and for source code."""


_loaded: dict[str, Plugin] = {}


def loaded_plugins() -> tuple[Plugin, ...]:
    """The plug-ins of this process, in the order in which they were loaded."""
    return tuple(_loaded.values())


def load_plugin(name: str) -> tuple[Family, ...]:
    """The families of a file, a module, or an entry point called `name`, now part of the grammar.

    Loading a plug-in again changes nothing. Raises PluginError.
    """
    return load_plugins((find_plugin(name),))


def load_plugins(plugins: Iterable[Plugin]) -> tuple[Family, ...]:
    """What `load_plugin` does, for plug-ins that were found already: in a worker, on resuming."""
    return tuple(family for plugin in plugins for family in _load(plugin))


def register_family(family: Family) -> None:
    """Load the module that offers `family`, which is imported already, as a plug-in.

    Raises PluginError where a family of its name is there, or no other process could find it.
    """
    if FAMILIES.get(family.name) is family:
        return
    where = f"register: family '{family.name}'"
    if family.name in FAMILIES:
        raise PluginError(f"{where}: a family of that name is there already; choose another")
    load_plugins((_plugin_of(family, where),))


def _plugin_of(family: Family, where: str) -> Plugin:
    """The module that offers `family`: the one that defines its options, or a package of it."""
    homes = [*dict.fromkeys((*(one.__module__ for one in family.options), family.modules))]
    if "__main__" in homes:
        raise PluginError(
            f"{where}: is defined in a notebook or in the program itself, which neither workers "
            "nor `nas resume` can import; put it into a file of its own and import that here, or "
            "name the file with nas.families.load_plugin"
        )
    packages = (name for home in homes for name in reversed([*_with_packages(home)]))
    for module in (sys.modules[name] for name in packages if name in sys.modules):
        offered = (getattr(module, "FAMILY", None), *getattr(module, "FAMILIES", ()))
        if any(one is family for one in offered):
            return _as_plugin(module)
    raise PluginError(
        f"{where}: is not offered by {homes[0]}, where workers and `nas resume` look for it; set "
        "FAMILY in that module to it, or FAMILIES to a tuple of several"
    )


def _with_packages(name: str) -> Iterator[str]:
    """`a.b.c` -> `a`, `a.b`, `a.b.c`."""
    return accumulate(name.split("."), "{}.{}".format)


def _as_plugin(module: ModuleType) -> Plugin:
    """A package has to be installed where it is used; a file that stands alone travels."""
    if "." in module.__name__ or hasattr(module, "__path__"):
        return Plugin(module.__name__)
    try:
        return Plugin(module.__name__, inspect.getsource(module), module.__file__)
    except (OSError, TypeError):  # it came without its source
        return Plugin(module.__name__)


def load_installed() -> bool:
    """Load the families of all installed packages; whether there are any new ones."""
    new = [module for module in _entry_points().values() if module not in _loaded]
    load_plugins(Plugin(module) for module in new)
    return bool(new)


def _entry_points() -> dict[str, str]:
    """Modules with families that installed packages name, by entry point."""
    # Takes as long to load as all of the grammar, and is seldom needed.
    from importlib.metadata import entry_points

    found = entry_points(group=ENTRY_POINTS)
    return {entry.name: entry.value.partition(":")[0] for entry in found}


def find_plugin(name: str) -> Plugin:
    """What `name` means: a path to a file, an entry point, or a module. Raises PluginError."""
    path = Path(name)
    if path.suffix == ".py" or len(path.parts) > 1:
        return _read_file(path)
    return Plugin(_entry_points().get(name, name))


def _read_file(path: Path) -> Plugin:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PluginError(
            f"plug-in {path}: cannot be read: {reason}; name a Python file, a module that can be "
            "imported, or an installed package's entry point"
        ) from error
    module = f"nas_plugin_{path.stem}"
    if not module.isidentifier():
        raise PluginError(
            f"plug-in {path}: a plug-in's file is named like a Python module; rename it to "
            "letters, digits and underscores"
        )
    return Plugin(module, text, str(path.resolve()))


def _load(plugin: Plugin) -> tuple[Family, ...]:
    before = _loaded.get(plugin.module)
    if before is not None and before.text != plugin.text:
        raise PluginError(
            f"plug-in {plugin.path}: another plug-in of that name is loaded, from "
            f"{before.path}, and its text differs; rename one of the two files"
        )
    with _forgotten_if_refused(plugin):
        families = families_of(_import(plugin), plugin)
        new = [one for one in families if before is None and not _is_known(one)]
        for family in new:
            _require_new(family, plugin)
    for family in new:
        add_family(family)
    if before is None:
        _loaded[plugin.module] = plugin
    return families


def _is_known(family: Family) -> bool:
    """Whether the plug-in has registered it itself."""
    return FAMILIES.get(family.name) is family


@contextmanager
def _forgotten_if_refused(plugin: Plugin) -> Iterator[None]:
    """A module that is refused within is imported anew next time, mended perhaps.

    Not so a package: others may have its modules already.
    """
    known = plugin.module in sys.modules
    try:
        yield
    except BaseException:
        if not known and not hasattr(sys.modules.get(plugin.module), "__path__"):
            sys.modules.pop(plugin.module, None)
        raise


def _import(plugin: Plugin) -> ModuleType:
    if plugin.module in sys.modules:
        return sys.modules[plugin.module]
    try:
        if plugin.text is None:
            return import_module(plugin.module)
        return _execute(plugin, plugin.text)
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(
            f"plug-in {plugin.path or plugin.module}: cannot be imported: "
            f"{type(error).__name__}: {error}"
        ) from error


def _execute(plugin: Plugin, text: str) -> ModuleType:
    """Run a file's text as a module that pickle and `inspect` find again."""
    module = ModuleType(plugin.module)
    module.__file__ = plugin.path or f"<{plugin.module}>"
    sys.modules[plugin.module] = module
    lines = text.splitlines(keepends=True)
    linecache.cache[module.__file__] = (len(text), None, lines, module.__file__)
    exec(compile(text, module.__file__, "exec"), module.__dict__)  # the user's own, by name
    return module


def families_of(module: ModuleType, plugin: Plugin) -> tuple[Family, ...]:
    """The families that a plug-in's module offers. Raises PluginError."""
    found = getattr(module, "FAMILIES", None)
    if found is None:  # an empty tuple: metrics or data alone
        found = (getattr(module, "FAMILY", None),)
    if not all(isinstance(one, Family) for one in found):
        raise PluginError(
            f"plug-in {plugin.path or plugin.module}: offers no families; set FAMILY to a "
            "nas.components.Family, or FAMILIES to a tuple of them; docs/plugins.md has an example"
        )
    return tuple(found)


def _require_new(family: Family, plugin: Plugin) -> None:
    """Refuse what would change the meaning of a model file that needs no plug-in."""
    where = f"plug-in {plugin.path or plugin.module}: family '{family.name}'"
    if family.name in FAMILIES:
        raise PluginError(f"{where}: a family of that name is there already; choose another")
    for options in family.options:
        _require_usable(options, where)
    # Loads torch and the plug-in's modules: better now than in the middle of a search.
    from nas.families._names import known_names, names_in

    try:
        own = names_in(import_module(family.modules))
    except ImportError as error:
        raise PluginError(f"{where}: modules '{family.modules}': {error}") from error
    if taken := sorted(own.keys() & known_names().keys()):
        raise PluginError(
            f"{where}: the class name {taken[0]} is taken; the id of a network holds the names "
            "of its classes, so they are unique: choose another"
        )
    if unknown := sorted(family.traces.keys() - own.keys()):
        raise PluginError(f"{where}: there is a trace for {unknown[0]}, but no such class")


def _require_usable(options: type[Component], where: str) -> None:
    bases = [base for base in COMPONENTS if issubclass(options, base)]
    name = options.__name__
    if len(bases) != 1:
        raise PluginError(f"{where}: {name} must be a Stem, a Transition, a Block or a Head")
    if not is_dataclass(options) or not options.__dataclass_params__.frozen:
        raise PluginError(
            f"{where}: {name} must be a record: @dataclass(frozen=True, slots=True, kw_only=True)"
        )
    kind = getattr(options, "kind", None)
    if not isinstance(kind, str) or not kind.isidentifier():
        raise PluginError(f'{where}: {name} needs its name in model files, as in kind = "ghost"')
    if kind in COMPONENTS[bases[0]]:
        what = bases[0].__name__.lower()
        raise PluginError(f"{where}: {what} '{kind}' is there already; choose another kind")
