"""Many pieces of work as trials of Ray Tune: checkpoints, retries, resources, restoring.

A piece of work writes into a folder and tells how it goes; after each telling the folder is put
away as the trial's checkpoint. Where a trial dies it begins again with what was put away, on
whatever node, and a driver that dies goes on from its storage.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from nas.errors import EvaluationError, RecipeError, UserError
from nas.families import load_plugins, loaded_plugins
from nas.tune._listening import Listener, callback, listening
from nas.workers import handlers_kept

if TYPE_CHECKING:
    from collections.abc import Sequence

Tell: TypeAlias = Callable[[dict[str, Any]], None]
Work: TypeAlias = Callable[[Any, Path, Tell], None]
"""(payload, folder, tell): does one piece, in a folder that may hold what an earlier try left."""

RETRIES = 2
"""Times that a trial whose process died begins again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What each trial is given."""

    cpus: int = 1
    """And so threads."""
    gpus: float = 0.0
    at_once: int | None = None
    """Most trials at a time; as many as fit where None."""


def run_trials(
    work: Work,
    payloads: Sequence[Any],
    storage: Path,
    *,
    resources: Resources | None = None,
    on_over: Callable[[int], None] | None = None,
    on_told: Callable[[int, dict[str, Any]], None] | None = None,
    on_saved: Callable[[int, str], None] | None = None,
) -> list[Path]:
    """Do every piece of work as a trial; the folders with what each left, in order.

    Called again with the same storage, trials that were over are not repeated. Ray must be there
    (`nas.workers.open_ray`).

    Args:
        work: Importable by the workers.
        payloads: One for each trial.
        storage: Where Tune keeps its state and the folders; on storage shared by all nodes.
        resources: Of each trial.
        on_over: Called with the number of trials that are over, after each.
        on_told: Called with a trial's place in `payloads` and what its work told.
        on_saved: Called with that place and the folder that was put away, after each telling.

    Raises:
        UserError: What a trial raised, if it was the user's to mend.
        EvaluationError: A trial failed for good.
        KeyboardInterrupt: Ctrl-C; called again, it goes on.
    """
    quiet()
    from ray import tune

    resources = resources or Resources()
    trainable = tune.with_resources(
        tune.with_parameters(
            _trial,
            work=work,
            # Read after the plug-ins, of whose classes they may be.
            payloads=[pickle.dumps(one) for one in payloads],
            plugins=loaded_plugins(),
        ),
        placed(resources),
    )
    path = storage.resolve() / "trials"  # a relative path is no URI to Ray
    if tune.Tuner.can_restore(str(path)):
        tuner = tune.Tuner.restore(
            str(path), trainable, resume_unfinished=True, resume_errored=True
        )
    else:
        tuner = tune.Tuner(
            trainable,
            param_space={"index": tune.grid_search(list(range(len(payloads))))},
            tune_config=tune.TuneConfig(max_concurrent_trials=resources.at_once),
            run_config=run_config(path),
        )
    with listening(Listener(on_over=on_over, on_told=on_told, on_saved=on_saved)):
        results = fitted(tuner)
    return _collected(results, len(payloads))


def fitted(tuner: Any) -> Any:
    """The tuner's results; its handlers of Ctrl-C and SIGUSR1 end with it."""
    with handlers_kept(signal.SIGINT, signal.SIGUSR1):
        return tuner.fit()


def stopped_early(results: Any, count: int) -> bool:
    """Whether Ctrl-C ended Tune, of which it says nothing: a trial is missing or not over."""
    over = sum(one.error is not None or bool((one.metrics or {}).get("done")) for one in results)
    return over < count


def run_config(path: Path) -> Any:
    """Where and how Tune keeps its trials: one checkpoint each, no noise, `RETRIES` tries more."""
    from ray import tune

    return tune.RunConfig(
        name=path.name,
        storage_path=str(path.parent.resolve()),
        failure_config=tune.FailureConfig(max_failures=RETRIES),
        checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
        verbose=0,
        callbacks=[callback()],
    )


def placed(resources: Resources) -> Any:
    """What Tune reserves for each trial."""
    from ray import tune

    return tune.PlacementGroupFactory([{"CPU": resources.cpus, "GPU": resources.gpus}])


def _trial(config: dict[str, Any], work: Work, payloads: Sequence[bytes], plugins: Any) -> None:
    """One trial, on a worker."""
    from ray import tune

    load_plugins(plugins)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if (checkpoint := tune.get_checkpoint()) is not None:
            with checkpoint.as_directory() as before:
                shutil.copytree(before, folder, dirs_exist_ok=True)

        def tell(metrics: dict[str, Any]) -> None:
            tune.report(metrics, checkpoint=tune.Checkpoint.from_directory(str(folder)))

        try:
            work(pickle.loads(payloads[config["index"]]), folder, tell)
        except UserError as error:
            # Trying again would not help; the driver raises it.
            (folder / "error.txt").write_text(str(error), encoding="utf-8")
        tell({"over": 1.0})


def _collected(results: Any, count: int) -> list[Path]:
    """The trials' folders. Raises KeyboardInterrupt where Ctrl-C ended Tune, which is silent."""
    folders: dict[int, Path] = {}
    for result in results:
        if result.error is not None:
            last = str(result.error).strip().splitlines()[-1:] or ["no result"]
            raise EvaluationError(
                f"trial {result.config['index']} failed {RETRIES + 1} times: {last[0]}; its "
                f"files are in {result.path}"
            )
        if (result.metrics or {}).get("over"):
            folders[result.config["index"]] = Path(result.checkpoint.path)
    for folder in folders.values():
        if (folder / "error.txt").exists():
            raise RecipeError((folder / "error.txt").read_text(encoding="utf-8"))
    if len(folders) < count:
        raise KeyboardInterrupt
    return [folders[index] for index in range(count)]


def quiet() -> None:
    """No files of loggers that nobody asked for, no banner."""
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
