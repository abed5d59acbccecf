"""A search put together: from settings to a problem, a study, and the box it is measured in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.data import (
    DEFAULT_OPTIONS,
    DataFingerprint,
    DataOptions,
    Loader,
    find_loader,
    fingerprint,
    load_data,
)
from nas.errors import RunFolderError, UserError
from nas.metrics import check_measured, custom_metrics, parse_objectives
from nas.proxy import Evaluator
from nas.report import HypervolumeBox
from nas.run._data import check_data, describe_data, read_data, write_data
from nas.run._environment import describe_environment
from nas.run._folder import FORMAT, RunFolder
from nas.run._ladders import default_ladder, parse_ladder
from nas.run._latency import (
    keep_calibration,
    predict_us,
    read_calibration,
    require_calibration,
    wants_latency,
)
from nas.run._plugins import keep_plugins, load_kept_plugins
from nas.run._settings import SearchSettings
from nas.search import Problem, StorageAddress, create_study, probe_space
from nas.space import load_space, parse_space

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.data import DataSummary
    from nas.search import SpaceProbe
    from nas.space import Genome, SearchSpace
    from nas.trial import Task, TrialResult
    from nas.workers import WorkerInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Everything a search needs but its workers."""

    folder: RunFolder
    settings: SearchSettings
    problem: Problem
    box: HypervolumeBox
    start: Genome
    """A feasible genome."""
    began_with: DataFingerprint
    """The data, as they were when the search began."""
    chance: float
    """Accuracy of always giving the most frequent class, in [0, 1]."""
    val_images: int
    """Images that every network is validated with."""
    data: DataSummary | None = None
    """What the data are, where this session has just read them."""

    @property
    def worst(self) -> tuple[float, ...]:
        """The box's worst corner as an objective vector; nothing beyond it climbs the ladder."""
        return tuple(axis.objective.loss(axis.worst) for axis in self.box.axes)

    @property
    def address(self) -> StorageAddress:
        """Where the study is."""
        return _address(self.settings, self.folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyFactory:
    """Makes a worker's evaluator; travels to the worker and loads the data there."""

    data: str
    data_dir: str | None
    options: DataOptions = DEFAULT_OPTIONS
    loader: Loader | None = None
    """The function that `data` stands for, where it is a user's own."""
    began_with: DataFingerprint | None = None
    """What the data must be, on every machine."""

    @classmethod
    def of(cls, session: Session) -> ProxyFactory:
        """For the data of a search."""
        settings = session.settings
        return cls(
            data=settings.data,
            data_dir=settings.data_dir,
            options=settings.data_options,
            loader=find_loader(settings.data),
            began_with=session.began_with,
        )

    def __call__(self, info: WorkerInfo) -> Callable[[Task], TrialResult]:
        """Load the data and be ready to train."""
        data_dir = Path(self.data_dir) if self.data_dir else None
        data = load_data(self.data, data_dir=data_dir, options=self.options, loader=self.loader)
        if self.began_with is not None:
            check_data(self.data, self.began_with, data)
        return Evaluator(data, info.device)


def create_session(
    settings: SearchSettings, path: Path, *, ladder: str | None = None
) -> tuple[Session, SpaceProbe]:
    """Check a new search and make its folder; nothing is written where anything is wrong.

    Args:
        settings: As asked for.
        path: The run folder to make.
        ladder: As `--ladder` has it, where `settings` leave the ladder open.

    Raises UserError.
    """
    space = load_space(settings.space, settings.overrides)
    objectives = parse_objectives(settings.objectives)
    check_measured(objectives, settings.limits, settings.sampler)
    data = read_data(settings)
    settings = replace(settings, data_options=data.options)
    summary = describe_data(settings, data)
    settings = _with_ladder(settings, space, min(data.input_shape[1:]), ladder)
    calibration = None
    if wants_latency(settings):
        calibration = require_calibration(
            space, settings.space, data.input_shape, data.num_classes
        )
    problem = Problem(
        space=space,
        input_shape=data.input_shape,
        num_classes=data.num_classes,
        objectives=objectives,
        limits=settings.limits,
        predict_us=predict_us(calibration, data.input_shape, data.num_classes),
        custom=custom_metrics(objectives, settings.limits),
    )
    probe = probe_space(problem)
    folder = RunFolder.create(path)
    facts = {
        "input_shape": problem.input_shape,
        "num_classes": problem.num_classes,
        "mean": data.mean,
        "std": data.std,
        "bounded": data.bounded,
        "data": fingerprint(data).to_plain(),
        "chance": summary.most_frequent_share,
        "val_images": summary.val,
        "cost_ranges": probe.cost_ranges,
        "start": probe.seed,
        "legal": probe.legal,
        "feasible": probe.feasible,
        "probe": probe.settings,
    }
    try:
        create_study(_address(settings, folder), objectives)
    except UserError:
        folder.discard()
        raise
    folder.write_bytes("space.yaml", problem.space.text.encode())
    folder.write_json("environment.json", describe_environment())
    write_data(folder, data, summary)
    keep_plugins(folder)
    if calibration is not None:
        keep_calibration(folder, calibration)
    # Last, because its presence makes the folder a run that can be resumed.
    document = {"format": FORMAT, "settings": settings.to_plain(), "facts": facts}
    folder.write_json("search.json", document)
    return replace(_session(folder, settings, problem, facts), data=summary), probe


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


def open_session(path: Path) -> Session:
    """A search that has begun, from its folder alone. Raises UserError."""
    folder = RunFolder.open(path)
    document = folder.read_json("search.json")
    written = document.get("format") if isinstance(document, dict) else None
    if written != FORMAT:
        raise RunFolderError(
            f"{path}: written by another version of nas (format {written}, this one reads "
            f"{FORMAT}); use that version, or start a new search"
        )
    load_kept_plugins(folder)
    try:
        return _read_session(folder, document)
    except (KeyError, TypeError, AttributeError) as error:
        raise RunFolderError(f"{path / 'search.json'}: is damaged: {error!r}") from error


def _read_session(folder: RunFolder, document: dict[str, Any]) -> Session:
    settings = SearchSettings.from_plain(document["settings"])
    facts = document["facts"]
    text = folder.read_text("space.yaml")
    shape, num_classes = tuple(facts["input_shape"]), facts["num_classes"]
    calibration = read_calibration(folder) if wants_latency(settings) else None
    problem = Problem(
        space=parse_space(
            text, source=str(folder.path / "space.yaml"), name=Path(settings.space).stem
        ),
        input_shape=shape,
        num_classes=num_classes,
        objectives=parse_objectives(settings.objectives),
        limits=settings.limits,
        predict_us=predict_us(calibration, shape, num_classes),
        custom=custom_metrics(parse_objectives(settings.objectives), settings.limits),
    )
    return _session(folder, settings, problem, facts)


def _address(settings: SearchSettings, folder: RunFolder) -> StorageAddress:
    if settings.storage is not None:
        return StorageAddress(study=settings.study, url=settings.storage)
    return StorageAddress(study=settings.study, journal=folder.journal)


def _session(
    folder: RunFolder, settings: SearchSettings, problem: Problem, facts: dict[str, Any]
) -> Session:
    box = HypervolumeBox.of(
        problem.objectives,
        num_classes=problem.num_classes,
        bounds={name: (low, high) for name, low, high in facts["cost_ranges"]}
        # Always giving the most frequent class is no achievement.
        | {"accuracy": (facts["chance"], 1.0)},
        limits=problem.limits,
    )
    return Session(
        folder=folder,
        settings=settings,
        problem=problem,
        box=box,
        start=tuple(facts["start"]),
        began_with=DataFingerprint.from_plain(facts["data"]),
        chance=facts["chance"],
        val_images=facts["val_images"],
    )
