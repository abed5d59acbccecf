"""Model files: where they are, how names find them, how they are read and written."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

import nas
from nas.arch import Architecture, describe
from nas.errors import IllegalArchitecture, ModelFileError
from nas.space._override import override
from nas.space._read import Reader, near
from nas.space._space import SearchSpace
from nas.space._yaml import Fields, Scalar, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.space._yaml import Node

LEGALITY_TRIES = 2_000


def catalogue_folder() -> Path:
    """The folder `search_spaces/`: inside the installed package, or beside it in a checkout."""
    package = Path(nas.__file__).parent
    inside = package / "search_spaces"
    return inside if inside.is_dir() else package.parent / "search_spaces"


def catalogue() -> dict[str, Path]:
    """Every model file that comes with `nas`, by name: spaces first, then the zoo."""
    folder = catalogue_folder()
    files = [*sorted(folder.glob("*.yaml")), *sorted((folder / "zoo").glob("*.yaml"))]
    return {path.stem: path for path in files}


def find_model_file(name: str) -> Path:
    """The file that `name` means: a path, or a name in the catalogue. Raises ModelFileError."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        if not path.is_file():
            raise ModelFileError(
                f"{name}: no such model file; `nas spaces` lists the built-in ones"
            )
        return path
    known = catalogue()
    if name not in known:
        raise ModelFileError(
            f"{name}: no model file of that name{near(name, known)}; `nas spaces` lists them all, "
            "and a path ending in .yaml names a file of your own"
        )
    return known[name]


def load_space(name: str, overrides: Sequence[str] = ()) -> SearchSpace:
    """Read a model file by name or path, with `PATH=VALUE` overrides. Raises ModelFileError."""
    path = find_model_file(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFileError(f"{path}: cannot be read: {error}") from error
    return parse_space(text, source=_shown(path), name=path.stem, overrides=overrides)


def load_architecture(name: str, overrides: Sequence[str] = ()) -> Architecture:
    """Read a model file in which nothing is open. Raises ModelFileError."""
    space = load_space(name, overrides)
    if space.is_open:
        listed = ", ".join(gene.name for gene in space.genes[:3])
        raise ModelFileError(
            f"{space.source}: {len(space.genes)} values are open ({listed}, ...), so this is a "
            f"space, not a network; search it with `nas search --space {name}`, or close them "
            "with --set"
        )
    return space.decode(())


def parse_space(
    text: str, *, source: str, name: str, overrides: Sequence[str] = ()
) -> SearchSpace:
    """Read a model file's text; `source` and `name` stand for the file."""
    root = parse_yaml(text, source)
    if not isinstance(root, Fields):
        raise ModelFileError(
            f"{source}:{root.line}: a model file is a mapping with stem, stages, head"
        )
    if overrides:
        root = override(root, overrides)
        text = yaml.safe_dump(_plain(root), sort_keys=False)
    fields = dict(root.fields)
    description = _text(fields.pop("description", None), source)
    tied = fields.pop("tied", None)
    if tied is not None and not isinstance(tied, Fields):
        raise ModelFileError(f"{source}:{tied.line}: tied: a mapping of names to open values")
    fields.setdefault("name", Scalar(name, root.line))
    reader = Reader(source, tied.fields if tied else {})
    template = reader.read_record(Fields(fields, root.line), Architecture, "")
    for unused in reader.tied.keys() - reader.used:
        line = reader.tied[unused].line
        raise ModelFileError(f"{source}:{line}: tied.{unused}: nothing uses this value")
    space = SearchSpace(
        name=_text(fields["name"], source),
        description=description,
        source=source,
        text=text,
        genes=tuple(reader.genes.genes),
        template=template,
    )
    _require_legal(space)
    return space


def dump_architecture(arch: Architecture) -> str:
    """A model file that describes `arch` with every value given."""
    text: str = yaml.safe_dump(describe(arch), sort_keys=False, default_flow_style=None)
    return text


def _require_legal(space: SearchSpace) -> None:
    rng, rules = random.Random(0), Counter[str]()
    genomes = (space.random_genome(rng) for _ in range(LEGALITY_TRIES if space.is_open else 1))
    for genome in genomes:
        try:
            space.decode(genome).id  # noqa: B018 - compiling is the check
        except IllegalArchitecture as error:
            rules[error.rule] += 1
            last = error
        else:
            return
    if not space.is_open:
        raise IllegalArchitecture(f"{space.source}: {last}", rule=last.rule)
    counted = "; ".join(f"{rule} ({count:,} times)" for rule, count in rules.most_common(3))
    raise IllegalArchitecture(
        f"{space.source}: only illegal networks in {LEGALITY_TRIES:,} random settings: {counted}. "
        f"For instance {last}",
        rule=rules.most_common(1)[0][0],
    )


def _text(node: Node | None, source: str) -> str:
    if node is None:
        return ""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        raise ModelFileError(f"{source}:{node.line}: name and description need a string")
    return node.value


def _plain(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Fields):
        return {key: _plain(value) for key, value in node.fields.items()}
    return [_plain(item) for item in node.items]


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(catalogue_folder().parent))
    except ValueError:
        return str(path)
