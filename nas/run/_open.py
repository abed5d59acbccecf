"""A search that has begun, from its folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.data import MovedData
from nas.errors import OptionError, RunFolderError, UserError
from nas.families import load_kept_plugins
from nas.metrics import custom_metrics, parse_objectives
from nas.records import read_record
from nas.run._create import digest_of, make_run
from nas.run._facts import RunFacts
from nas.run._folder import FORMAT, RunFolder
from nas.run._latency import predict_us, read_calibration, wants_latency
from nas.run._settings import SearchSettings
from nas.search import Problem, absolute_url, hide_passwords, with_password
from nas.space import parse_space

if TYPE_CHECKING:
    from nas.run._run import Run


def open_run(
    path: Path | str,
    *,
    data: str | None = None,
    data_dir: Path | str | None = None,
    storage: str | None = None,
) -> Run:
    """A run from its folder, whether it is finished, interrupted, or going on.

    Args:
        path: The run folder.
        data: Where the data are now, if they were moved; `Run.resume` keeps it in the folder once
            it has found them to be the same.
        data_dir: Where the files of a known data set are now, likewise.
        storage: URL of the study, if it was moved or has a password that the environment
            variable NAS_STORAGE_PASSWORD does not hold.

    Raises:
        RunFolderError: there is no run, it is damaged, or another version of nas wrote it.
        OptionError: `storage` is given, and the study is kept in the run folder.
    """
    folder = RunFolder.open(Path(path))
    document = folder.read_json("search.json")
    written = document.get("format") if isinstance(document, dict) else None
    if written != FORMAT:
        raise RunFolderError(
            f"{path}: written by another version of nas (format {written}, this one reads "
            f"{FORMAT}); use that version, or start a new search"
        )
    load_kept_plugins(folder)
    try:
        settings = read_record(SearchSettings, document.get("settings"))
        facts = read_record(RunFacts, document.get("facts"))
        settings = MovedData(data=data, data_dir=data_dir).applied_to(settings)
        return _read(folder, settings, facts, storage)
    except ValueError as error:
        raise RunFolderError(
            f"{folder.path / 'search.json'}: is damaged: {error}; restore the file, or start a "
            "new search"
        ) from error


def list_runs(folder: Path | str = "runs") -> tuple[Run, ...]:
    """Every run in a folder of runs, the one written last first; what cannot be read is left out.

    Args:
        folder: Looked into, not into the folders below its own.
    """
    found = [path.parent for path in Path(folder).glob("*/search.json")]
    runs = []
    for path in sorted(found, key=last_written, reverse=True):
        try:
            runs.append(open_run(path))
        except UserError:
            continue
    return tuple(runs)


def last_written(path: Path) -> float:
    """When a run folder was written to last, in seconds of the clock.

    Files that vanish meanwhile, and links that lead nowhere, count for nothing.
    """
    try:
        return max(map(_written, path.glob("*.*")), default=0.0)
    except OSError:  # the folder itself is gone
        return 0.0


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _read(
    folder: RunFolder, settings: SearchSettings, facts: RunFacts, storage: str | None
) -> Run:
    objectives = parse_objectives(settings.objectives)
    calibration = read_calibration(folder) if wants_latency(settings) else None
    text, source = folder.read_text("space.yaml"), folder.path / "space.yaml"
    if digest_of(text) != facts.space_digest:
        raise RunFolderError(
            f"{source}: is not the space that was searched; restore the file, or search the new "
            f"one in a folder of its own: nas search --space {source}"
        )
    problem = Problem(
        space=parse_space(text, source=str(source), name=Path(settings.space).stem),
        input_shape=facts.input_shape,
        num_classes=facts.num_classes,
        objectives=objectives,
        limits=settings.limits,
        deploy=settings.deploy,
        predict_us=predict_us(calibration, facts.input_shape, facts.num_classes),
        custom=custom_metrics(objectives, settings.limits),
    )
    _check_start(problem, facts)
    if storage and not settings.storage:
        raise OptionError(
            f"`storage` {hide_passwords(storage)}: the study of {folder.path} is the journal in "
            "its folder, and goes on there; leave `storage` out"
        )
    given = storage or settings.storage
    url = with_password(absolute_url(given)) if given else None
    return make_run(folder, settings, problem, facts, storage=url)


def _check_start(problem: Problem, facts: RunFacts) -> None:
    counts = [len(gene.labels) for gene in problem.space.genes]
    fits = len(facts.start) == len(counts) and all(
        0 <= choice < count for choice, count in zip(facts.start, counts, strict=True)
    )
    if not fits:
        raise ValueError(f"facts.start: no genome of {len(counts)} genes of this space")
