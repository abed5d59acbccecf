"""What was asked of a full training: one record, written into its folder and read back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, get_args

from nas.data import (
    DEFAULT_OPTIONS,
    DataFingerprint,
    DataOptions,
    describe_change,
)
from nas.errors import OptionError, RunFolderError
from nas.families import keep_plugins, load_kept_plugins
from nas.final._folder import FORMAT, TrainingFolder
from nas.records import read_record
from nas.space import dump_architecture, load_architecture
from nas.train import KernelsWanted, dump_recipe, parse_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from nas.arch import Architecture
    from nas.train import Recipe

MAX_SEEDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """What besides network and recipe decides what comes out."""

    data: str = "fashion_mnist"
    data_dir: str | None = None
    data_options: DataOptions = DEFAULT_OPTIONS
    split_seed: int = 0
    """Fixes which images validate; a run's is 0."""
    seeds: tuple[int, ...] = (0,)
    """One training each: initial weights, order of the images, augmentation, dropout."""
    device: str = "cpu"
    threads: int = 1
    """Of the CPU; another number rounds differently."""
    kernels: KernelsWanted = "auto"
    """What computes a step on the CPU; `auto` keeps the quickest, which rounds in its own way."""
    teacher: str | None = None
    """A trained network to learn from, as `find_trained` takes it."""
    init: str | None = None
    """Weights to begin with, as `read_weights` takes them."""
    origin: str = ""
    """Where the network comes from, for its exported code."""

    def __post_init__(self) -> None:
        """Raise OptionError on what no training can be."""
        if not 1 <= len(self.seeds) <= MAX_SEEDS:
            raise OptionError(f"`seeds` {len(self.seeds)}: write 1 to {MAX_SEEDS}")
        if self.kernels not in get_args(KernelsWanted):
            allowed = ", ".join(get_args(KernelsWanted))
            raise OptionError(f"`kernels` {self.kernels}: unknown (allowed: {allowed})")
        if self.threads < 1:
            raise OptionError(f"`threads` {self.threads}: write a number of at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """A full training, complete."""

    arch: Architecture
    recipe: Recipe
    settings: TrainingSettings
    chosen: str = ""
    """Why this recipe, where the user named none; in words, for people."""

    def write(self, folder: TrainingFolder, seen: DataFingerprint) -> None:
        """Write the plan, `training.json` last: its presence makes the folder a training.

        The data that it is to see go with it.
        """
        folder.write("recipe.yaml", dump_recipe(self.recipe).encode())
        folder.write("model.yaml", dump_architecture(self.arch).encode())
        keep_plugins(folder)
        document = {
            "format": FORMAT,
            "settings": asdict(self.settings),
            "data_fingerprint": asdict(seen),
        }
        folder.write_json("training.json", document)


def read_plan(path: Path) -> tuple[TrainingFolder, TrainingPlan]:
    """A training that has begun, from its folder alone. Raises UserError."""
    folder = TrainingFolder.open(path)
    document = folder.read_json("training.json")
    written = document.get("format") if isinstance(document, dict) else None
    if written != FORMAT:
        raise RunFolderError(
            f"{path}: written by another version of nas (format {written}, this one reads "
            f"{FORMAT}); use that version, or begin anew with another `out`"
        )
    load_kept_plugins(folder)
    recipe = parse_recipe(folder.read("recipe.yaml"), source=str(path / "recipe.yaml"))
    return folder, TrainingPlan(
        arch=load_architecture(str(path / "model.yaml")),
        recipe=recipe,
        settings=_settings(path, document),
    )


def check_same_data(
    plan: Path, name: str, now: DataFingerprint, *, anew: str = "train anew with another `out`"
) -> None:
    """Raise RunFolderError where what goes on would see other images or labels.

    Args:
        plan: The file that says what was begun with.
        name: Of the data.
        now: What they are now.
        anew: What else to do than to bring them back.
    """
    written = TrainingFolder(plan.parent).read_json(plan.name).get("data_fingerprint")
    if written is None:  # begun before it was written down; its checkpoint has a digest
        return
    try:
        before = read_record(DataFingerprint, written)
    except ValueError as error:
        raise RunFolderError(f"{plan}: is damaged: {error}; {anew}") from error
    change = describe_change(name, before, now, what="training")
    if change is not None:
        raise RunFolderError(f"{change}; bring back the data as they were, or {anew}")


def _settings(path: Path, document: dict[str, Any]) -> TrainingSettings:
    try:
        plain = document["settings"]
        options = DataOptions.from_plain(plain["data_options"])
        return TrainingSettings(
            **plain | {"seeds": tuple(plain["seeds"]), "data_options": options}
        )
    except (KeyError, TypeError) as error:
        raise RunFolderError(f"{path / 'training.json'}: is damaged: {error!r}") from error
