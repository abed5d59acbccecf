"""Recipe files: where they are, how names find them, how they are read and written. No torch."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from nas.errors import ModelFileError
from nas.names import near
from nas.space import catalogue_folder, parse_record
from nas.train._recipe import Recipe, contradictions

if TYPE_CHECKING:
    from collections.abc import Sequence


def recipe_catalogue() -> dict[str, Path]:
    """Every recipe that comes with `nas`, by name."""
    return {path.stem: path for path in sorted((catalogue_folder() / "recipes").glob("*.yaml"))}


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe by name or path, with `PATH=VALUE` overrides. Raises ModelFileError."""
    path = _find(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFileError(f"{path}: cannot be read: {error}") from error
    return parse_recipe(text, source=_shown(path), name=path.stem, overrides=overrides)


def parse_recipe(
    text: str, *, source: str, name: str = "recipe", overrides: Sequence[str] = ()
) -> Recipe:
    """The recipe that a file's text describes. Raises ModelFileError."""
    return parse_record(
        Recipe,
        text,
        source=source,
        name=name,
        overrides=overrides,
        contradictions=contradictions,
    )


def dump_recipe(recipe: Recipe) -> str:
    """A recipe file with every value that is not its default."""
    text: str = yaml.safe_dump(
        _given(recipe, Recipe(name="")), sort_keys=False, default_flow_style=None, width=99
    )
    return text


def _given(record: Any, standard: Any) -> dict[str, Any]:
    """What differs from `standard`, another record of the kind, as plain values."""
    kept: dict[str, Any] = {}
    for item in fields(record):
        value, default = getattr(record, item.name), getattr(standard, item.name)
        if value == default:
            continue
        if is_dataclass(value):
            value = _given(value, default if is_dataclass(default) else _standard(value))
        kept[item.name] = list(value) if isinstance(value, tuple) else value
    return kept


def _standard(record: Any) -> Any:
    """A record of the same kind with nothing but defaults."""
    kind: Any = type(record)
    return kind()


def _find(name: str) -> Path:
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        if not path.is_file():
            raise ModelFileError(f"{name}: no such recipe file; `nas recipes` lists the built-in")
        return path
    known = recipe_catalogue()
    if name not in known:
        hint = near(name, known)
        raise ModelFileError(
            f"{name}: no recipe of that name{hint} (known: {', '.join(known)}; a path ending in "
            ".yaml names a file of your own)"
        )
    return known[name]


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(catalogue_folder().parent))
    except ValueError:
        return str(path)
