"""Networks with weights, found by name: trained folders, members of a run, exported files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import OptionError
from nas.families import load_kept_plugins
from nas.final._folder import TrainingFolder
from nas.space import load_architecture

if TYPE_CHECKING:
    from nas.arch import Architecture


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedNetwork:
    """An architecture and its trained state as safetensors bytes."""

    arch: Architecture
    weights: bytes


def find_trained(reference: str, option: str) -> TrainedNetwork:
    """The network that `reference` names, for `option`.

    It is RUN:ID, a folder that `nas train` wrote, or a model file with its weights beside it, as
    `nas export` writes them.

    Raises:
        OptionError: There is none, or it has no weights.
    """
    member = split_member(reference)
    if member is not None:
        return _of_run(*member)
    path = Path(reference)
    if (path / "model.yaml").is_file():
        load_kept_plugins(TrainingFolder(path))
        model, weights = path / "model.yaml", path / "weights.safetensors"
    else:
        model, weights = path, path.with_suffix(".safetensors")
    if not model.is_file() or not weights.is_file():
        raise OptionError(
            f"{option} {reference}: no trained network there (allowed: RUN:ID, a folder that "
            "`nas train` wrote, or a model file NAME.yaml with NAME.safetensors beside it)"
        )
    return TrainedNetwork(arch=load_architecture(str(model)), weights=_read(weights, option))


def read_weights(reference: str, option: str) -> bytes:
    """Weights by themselves: what `find_trained` finds, or a `.safetensors` file."""
    path = Path(reference)
    if path.suffix == ".safetensors":
        return _read(path, option)
    return find_trained(reference, option).weights


def is_run(folder: Path) -> bool:
    """Whether a folder is one that `nas search` made."""
    return (folder / "search.json").is_file()


def split_member(reference: str) -> tuple[Path, str] | None:
    """`RUN:ID` -> (RUN, ID) where RUN is a run folder; None otherwise."""
    folder, colon, arch_id = reference.rpartition(":")
    if not colon or not is_run(Path(folder)):
        return None
    return Path(folder), arch_id


def absolute_trained(reference: str | None) -> str | None:
    """The same reference from any working directory: workers have their own."""
    if reference is None:
        return None
    member = split_member(reference)
    if member is not None:
        return f"{member[0].absolute()}:{member[1]}"
    path = Path(reference)
    return str(path.absolute()) if path.exists() else reference


def proxy_remarks(teacher: str | None, init: str | None) -> tuple[str, ...]:
    """Sentences for those of the two that are networks of a search: its short training's."""
    given = (("`teacher`", teacher), ("`init`", init))
    return tuple(
        f"{option} {reference}: weights of the search's short training (a proxy); those of a full "
        "training are in the folder that nas train wrote."
        for option, reference in given
        if reference is not None and split_member(reference) is not None
    )


def _of_run(folder: Path, arch_id: str) -> TrainedNetwork:
    from nas.run import find_network, open_run

    run = open_run(folder)
    arch = find_network(run, arch_id)
    return TrainedNetwork(arch=arch, weights=run.folder.read_weights(arch.id))


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OptionError(f"{option}: {path} cannot be read ({error.strerror})") from error
