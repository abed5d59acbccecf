"""Block families from outside travel to the workers ahead of the networks that use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.families import Plugin, load_plugins, loaded_plugins

if TYPE_CHECKING:
    from nas.workers._pool import Evaluator, Factory, WorkerInfo


@dataclass(frozen=True, slots=True)
class WithPlugins:
    """A factory that loads plug-ins first. Tasks that name their classes can be read after it."""

    factory: Factory
    plugins: tuple[Plugin, ...]

    def __call__(self, info: WorkerInfo) -> Evaluator:
        """Load the plug-ins, then make the evaluator."""
        load_plugins(self.plugins)
        return self.factory(info)


def with_plugins(factory: Factory) -> Factory:
    """`factory`, and the plug-ins of this process if there are any."""
    plugins = loaded_plugins()
    return WithPlugins(factory, plugins) if plugins else factory
