"""Losses of one's own, by explicit name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nas.errors import OptionError
from nas.train._tasks import task_of

if TYPE_CHECKING:
    from nas.data import ImageData
    from nas.train._task import LearningTask, Loss

_LOSSES: dict[str, Loss] = {}


def register_loss(name: str, loss: Loss) -> None:
    """Make a loss known by a name, which recipes and searches may then say.

    Args:
        name: An identifier.
        loss: (outputs, targets, *, smoothing, class_weights) -> the mean loss of a batch.

    Raises:
        OptionError: the name is no identifier, or another loss has it.
    """
    if not name.isidentifier():
        raise OptionError(f"loss '{name}': write a name of letters, digits and underscores")
    if _LOSSES.get(name, loss) is not loss:
        raise OptionError(f"loss '{name}': another one has this name; choose another")
    _LOSSES[name] = loss


def find_loss(name: str) -> Loss:
    """The loss of that name. Raises OptionError."""
    if name not in _LOSSES:
        known = ", ".join(sorted(_LOSSES)) or "none"
        raise OptionError(
            f"`loss` {name}: nobody has registered it (known: {known}); call "
            f"nas.register_loss('{name}', function) first (in a plug-in, from the command line)"
        )
    return _LOSSES[name]


def task_with(data: ImageData, loss: str | None) -> LearningTask:
    """What is to be learnt from these data, by a loss of one's own or, where None, the task's."""
    task = task_of(data)
    return task if loss is None else replace(task, loss=find_loss(loss))
