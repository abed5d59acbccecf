"""Block families from outside, kept in the folder of what uses them: it reads on any machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from nas.errors import RunFolderError
from nas.families._plugins import Plugin, load_plugins, loaded_plugins

if TYPE_CHECKING:
    from pathlib import Path

FILE = "plugins.json"


class Folder(Protocol):
    """Of a run, or of a training."""

    @property
    def path(self) -> Path:
        """Where it is."""

    def read_json(self, name: str) -> Any:
        """What a JSON file of it says. Raises RunFolderError."""

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file of it."""


def keep_plugins(folder: Folder) -> None:
    """Write down the plug-ins of this process, files with their text, if there are any."""
    if plugins := loaded_plugins():
        folder.write_json(FILE, [asdict(plugin) for plugin in plugins])


def load_kept_plugins(folder: Folder) -> None:
    """Load the plug-ins that a folder was written with. Raises PluginError, RunFolderError."""
    if not (folder.path / FILE).exists():
        return
    try:
        plugins = [_checked(Plugin(**plain)) for plain in folder.read_json(FILE)]
    except TypeError as error:
        raise RunFolderError(f"{folder.path / FILE}: is damaged: {error}") from error
    load_plugins(plugins)


def _checked(plugin: Plugin) -> Plugin:
    """Raise TypeError where a field is not of its type."""
    for name, value in asdict(plugin).items():
        if not isinstance(value, str) and (name == "module" or value is not None):
            raise TypeError(f"{name}: is no text (found {value!r:.60})")
    return plugin
