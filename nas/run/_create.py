"""A new search: everything is checked, then its folder is made."""

from __future__ import annotations

import hashlib
import random
import re
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nas.data import absolute_data, absolute_dir, check_folds, fingerprint
from nas.errors import OptionError, OutageError, RunFolderError, StorageError
from nas.export import check_exportable
from nas.families import keep_plugins, loaded_plugins
from nas.metrics import check_task, custom_metrics, parse_objectives
from nas.report import HypervolumeBox
from nas.run._data import describe_data, read_data, write_data
from nas.run._environment import describe_environment
from nas.run._facts import RunFacts
from nas.run._folder import FORMAT, RunFolder
from nas.run._ladders import default_ladder, parse_ladder
from nas.run._latency import (
    keep_calibration,
    predict_us,
    require_calibration,
    wants_latency,
)
from nas.run._run import Run
from nas.search import (
    Problem,
    absolute_url,
    create_study,
    delete_empty_study,
    probe_space,
    with_password,
    without_password,
)
from nas.space import estimate_size, load_space
from nas.train import check_class_weights, find_loss, head_fault, task_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.data import DataSummary, ImageData
    from nas.latency import Calibration
    from nas.run._settings import SearchSettings
    from nas.search import SpaceProbe, StorageAddress
    from nas.space import SearchSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A search that is about to train its first network."""

    run: Run
    probe: SpaceProbe
    """What a look at the space told."""

    @property
    def legal_share(self) -> float:
        """Share of all settings that describe a network, whatever the images, as in `nas show`."""
        return estimate_size(self.run.problem.space).legal_share

    @property
    def impossible(self) -> tuple[str, ...]:
        """Choices that lead to no feasible network for these images and limits."""
        return self.probe.impossible


def create_run(
    settings: SearchSettings, path: Path | None = None, *, ladder: str | None = None
) -> Begun:
    """Check a new search and make its folder; nothing is written where anything is wrong.

    Args:
        settings: As asked for. The URL of a storage may hold its password, or leave it to the
            environment variable NAS_STORAGE_PASSWORD; it is written nowhere.
        path: The run folder to make; where None, one in `runs/` named after the space and time.
        ladder: As `parse_ladder` takes it, where `settings` leave the ladder open.

    Raises:
        UserError: anything cannot be as asked for.
    """
    space = load_space(settings.space, settings.overrides)
    objectives = parse_objectives(settings.objectives)
    settings, storage = _without_secret(settings)
    data = read_data(settings)
    settings = _settled(settings, space, data, ladder)
    check_task(objectives, settings.limits, data.options.task)
    check_class_weights(settings.fidelity.class_weights, task_of(data))
    check_folds(data, settings.fidelity.folds)
    if settings.fidelity.loss is not None:
        find_loss(settings.fidelity.loss)
    _check_heads(space, data)
    if loaded_plugins():
        check_exportable()
    summary = describe_data(settings, data)
    problem, calibration = _problem(settings, space, data)
    probe = probe_space(problem)
    facts = _facts(data, summary, settings.fidelity.folds, probe, space.text)
    before = None if path is None else _study_in(path)
    folder = RunFolder.create(path) if path else RunFolder.create_new(default_path(settings))
    with _discarded_if_it_fails(folder):
        settings = replace(settings, study=settings.study or folder.path.name)
        run = make_run(folder, settings, problem, facts, storage=storage)
        if before == (settings.storage, settings.study):
            _delete_if_empty(run.address)  # of the search that never began here
        create_study(run.address, objectives)
        with _deleted_if_it_fails(run.address):
            write_data(folder, data, summary)
            _write(run, calibration)
    return Begun(run=replace(run, data=summary), probe=probe)


@contextmanager
def _discarded_if_it_fails(folder: RunFolder) -> Iterator[None]:
    """Whatever goes wrong within, Ctrl-C included, no half-made folder stays behind."""
    try:
        yield
    except BaseException:
        folder.discard()
        raise


@contextmanager
def _deleted_if_it_fails(address: StorageAddress) -> Iterator[None]:
    """Whatever goes wrong within, its study does not stay in a database."""
    try:
        yield
    except BaseException:
        _delete_if_empty(address)
        raise


def _delete_if_empty(address: StorageAddress) -> None:
    # Where it cannot be reached, whatever comes next says so.
    with suppress(StorageError, OutageError):
        delete_empty_study(address)


def _study_in(path: Path) -> tuple[str | None, str] | None:
    """The storage and the study that a run folder names; None where there is no such folder."""
    with suppress(RunFolderError, KeyError, TypeError):
        settings = RunFolder(path).read_json("search.json")["settings"]
        return settings["storage"], settings["study"]
    return None


_HEADS_LOOKED_AT = 50


def _check_heads(space: SearchSpace, data: ImageData) -> None:
    """OptionError where the space's networks give no answer of the task's shape."""
    rng, task = random.Random(0), data.options.task
    heads = (space.decode(space.random_genome(rng)).head for _ in range(_HEADS_LOOKED_AT))
    for head in dict.fromkeys(heads):
        if (need := head_fault(head, task, data.num_classes)) is not None:
            raise OptionError(
                f"`space` {space.name}: its heads do not suit `task` {task}, which needs {need}"
            )


def default_path(settings: SearchSettings) -> Path:
    """`runs/SPACE-DATE-TIME`."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", Path(settings.space).stem)
    return Path("runs") / f"{name}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"


def make_run(
    folder: RunFolder,
    settings: SearchSettings,
    problem: Problem,
    facts: RunFacts,
    *,
    storage: str | None,
) -> Run:
    """The run of these parts."""
    box = HypervolumeBox.of(
        problem.objectives,
        num_classes=problem.num_classes,
        bounds={name: (low, high) for name, low, high in facts.cost_ranges}
        # Always giving the most frequent class is no achievement.
        | {"accuracy": (facts.chance, 1.0)},
        limits=problem.limits,
    )
    return Run(
        folder=folder,
        settings=settings,
        problem=problem,
        box=box,
        facts=facts,
        storage=storage,
    )


def _without_secret(settings: SearchSettings) -> tuple[SearchSettings, str | None]:
    """The settings that may be written, and the URL that opens the storage."""
    if settings.storage is None:
        return settings, None
    url = absolute_url(settings.storage)
    return replace(settings, storage=without_password(url)), with_password(url)


def _settled(
    settings: SearchSettings, space: SearchSpace, data: ImageData, ladder: str | None
) -> SearchSettings:
    """The settings with all that was left open, from any working directory."""
    settings = replace(
        settings,
        data=absolute_data(settings.data),
        data_dir=absolute_dir(settings.data_dir),
        data_options=data.options,
    )
    return _with_ladder(settings, space, min(data.input_shape[1:]), ladder)


def _with_ladder(
    settings: SearchSettings, space: SearchSpace, side: int, asked: str | None
) -> SearchSettings:
    """The ladder of the settings, the command line, the space, or one that suits the images."""
    if settings.ladder is not None:
        return settings
    full = settings.fidelity
    if asked is not None:
        ladder = parse_ladder(asked, full, side=side)
    elif space.ladder is not None:
        ladder = parse_ladder(space.ladder, full, side=side, where=f"{space.source}: ladder:")
    else:
        ladder = default_ladder(full, side)
    return replace(settings, ladder=ladder)


def _problem(
    settings: SearchSettings, space: SearchSpace, data: ImageData
) -> tuple[Problem, Calibration | None]:
    shape, num_classes = data.input_shape, data.num_classes
    objectives = parse_objectives(settings.objectives)
    calibration = None
    if wants_latency(settings):
        calibration = require_calibration(
            space, settings.space, shape, num_classes, settings.overrides
        )
    problem = Problem(
        space=space,
        input_shape=shape,
        num_classes=num_classes,
        objectives=objectives,
        limits=settings.limits,
        deploy=settings.deploy,
        predict_us=predict_us(calibration, shape, num_classes),
        custom=custom_metrics(objectives, settings.limits),
    )
    return problem, calibration


def _facts(
    data: ImageData, summary: DataSummary, folds: int, probe: SpaceProbe, space_text: str
) -> RunFacts:
    assert probe.seed is not None  # a space without a feasible network is refused
    return RunFacts(
        input_shape=data.input_shape,
        num_classes=data.num_classes,
        mean=tuple(data.mean),
        std=tuple(data.std),
        bounded=data.bounded,
        data=fingerprint(data),
        chance=summary.most_frequent_share,
        train_images=len(data.train),
        val_images=summary.val * folds,
        cost_ranges=tuple(probe.cost_ranges),
        start=probe.seed,
        legal=probe.legal,
        feasible=probe.feasible,
        probe=probe.settings,
        space_digest=digest_of(space_text),
    )


def digest_of(text: str) -> str:
    """16 hex digits that change with any character of a model file."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _write(run: Run, calibration: Calibration | None) -> None:
    folder = run.folder
    folder.write_bytes("space.yaml", run.problem.space.text.encode())
    folder.write_json("environment.json", asdict(describe_environment()))
    keep_plugins(folder)
    if calibration is not None:
        keep_calibration(folder, calibration)
    # Last, because its presence makes the folder a run that can be resumed.
    write_search(run)


def write_search(run: Run) -> None:
    """Write `search.json`: what was asked for, and the facts it was measured with."""
    document = {"format": FORMAT, "settings": run.settings.to_plain(), "facts": asdict(run.facts)}
    run.folder.write_json("search.json", document)
