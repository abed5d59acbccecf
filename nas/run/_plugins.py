"""Block families from outside, kept in the run folder, so that it reads on any machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from nas.errors import RunFolderError
from nas.families import Plugin, load_plugins, loaded_plugins

if TYPE_CHECKING:
    from nas.run._folder import RunFolder

FILE = "plugins.json"


def keep_plugins(folder: RunFolder) -> None:
    """Write down the plug-ins of this process, files with their text, if there are any."""
    if plugins := loaded_plugins():
        folder.write_json(FILE, [asdict(plugin) for plugin in plugins])


def load_kept_plugins(folder: RunFolder) -> None:
    """Load the plug-ins that a run was searched with. Raises PluginError, RunFolderError."""
    if not (folder.path / FILE).exists():
        return
    try:
        plugins = [Plugin(**plain) for plain in folder.read_json(FILE)]
    except TypeError as error:
        raise RunFolderError(f"{folder.path / FILE}: is damaged: {error}") from error
    load_plugins(plugins)
