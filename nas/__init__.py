"""Neural architecture search over networks that use their weights more than once.

From Python:

    import nas

    run = nas.search("lru_vgnet", data="fashion_mnist", budget=40)
    for member in run.front():
        print(member.arch_id, member.scores.accuracy, member.cost.params)
    run.export("knee")
    print(nas.train("lrunet_1_1x", recipe="light").test["accuracy"])

What is listed here is loaded when it is first used, so `import nas` itself loads neither torch nor
Ray nor Optuna.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.cost import cost_of
    from nas.final import resume_training, train, train_finalists
    from nas.metrics import Limit, Metric
    from nas.model import build_model
    from nas.run import FrontMember, Run, list_runs, open_run, register, search
    from nas.space import load_architecture, load_space
    from nas.train import register_loss

    __version__: str

__all__ = [
    "FrontMember",
    "Limit",
    "Metric",
    "Run",
    "__version__",
    "build_model",
    "cost_of",
    "list_runs",
    "load_architecture",
    "load_space",
    "open_run",
    "register",
    "register_loss",
    "resume_training",
    "search",
    "train",
    "train_finalists",
]

_HOMES = {
    "FrontMember": "nas.run",
    "Limit": "nas.metrics",
    "Metric": "nas.metrics",
    "Run": "nas.run",
    "build_model": "nas.model",
    "cost_of": "nas.cost",
    "list_runs": "nas.run",
    "load_architecture": "nas.space",
    "load_space": "nas.space",
    "open_run": "nas.run",
    "register": "nas.run",
    "register_loss": "nas.train",
    "resume_training": "nas.final",
    "search": "nas.run",
    "train": "nas.final",
    "train_finalists": "nas.final",
}


class _Package(ModuleType):
    """Loads a name when it is first asked for."""

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version

            return version("reuse-nas")
        if name not in _HOMES:
            raise AttributeError(f"module 'nas' has no attribute '{name}'")
        from importlib import import_module

        self.__dict__[name] = getattr(import_module(_HOMES[name]), name)
        return self.__dict__[name]

    def __setattr__(self, name: str, value: object) -> None:
        # Importing the package `nas.search` must not hide the function of this name.
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
