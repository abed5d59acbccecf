"""Functions that the driver calls with what trials report, while Tune runs them.

Callbacks are kept with Tune's state, and a restored tuner has those of the session before: this
one looks up who is listening now.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(slots=True, kw_only=True)
class Listener:
    """Functions that are called in the driver; those that are None are not."""

    on_told: Callable[[int, dict[str, Any]], None] | None = None
    """With a trial's number and the metrics that it reported."""
    on_saved: Callable[[int, str], None] | None = None
    """With a trial's number and the folder of its newest checkpoint."""
    on_over: Callable[[int], None] | None = None
    """With the number of trials that are over, those of earlier sessions included."""

    def told(self, index: int | None, metrics: dict[str, Any]) -> None:
        """A trial reported metrics; it has no number where Tune chose its values."""
        if self.on_told is not None and index is not None:
            self.on_told(index, metrics)

    def saved(self, index: int | None, folder: str) -> None:
        """A trial's newest checkpoint was stored in this folder."""
        if self.on_saved is not None and index is not None:
            self.on_saved(index, folder)

    def is_over(self, over: int) -> None:
        """One more trial is over; `over` are by now."""
        if self.on_over is not None:
            self.on_over(over)


_listener: ContextVar[Listener] = ContextVar("listener")


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Within it, what trials report goes to `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def current() -> Listener:
    """The listener of `listening`; outside it, one without functions."""
    return _listener.get(Listener())


def callback() -> Any:
    """What Tune calls; it holds nothing itself."""
    from ray import tune

    class Teller(tune.Callback):
        def on_trial_result(
            self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any
        ) -> None:
            from nas.tune._listening import current

            current().told(trial.config.get("index"), result)

        def on_checkpoint(
            self, iteration: int, trials: Any, trial: Any, checkpoint: Any, **_: Any
        ) -> None:
            from nas.tune._listening import current

            current().saved(trial.config.get("index"), checkpoint.path)

        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            from nas.tune._listening import current

            # Its own state is set after this call.
            others = sum(one.is_finished() for one in trials if one is not trial)
            current().is_over(1 + others)

    return Teller()
