"""Model files: where they are, how names find them, how they are read and written."""

from __future__ import annotations

import math
import random
from collections import Counter
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

import nas
from nas.arch import Architecture, describe
from nas.errors import IllegalArchitecture, ModelFileError
from nas.space._override import override
from nas.space._read import Reader
from nas.space._space import SearchSpace
from nas.space._words import near, shown
from nas.space._yaml import MAX_CHARACTERS, Fields, Scalar, line_at, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from nas.space._template import Genome
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
            raise ModelFileError(_no_file(name))
        return path
    known = catalogue()
    if name not in known:
        if ":" in name or (path / "search.json").is_file():
            raise ModelFileError(_no_file(name))
        raise ModelFileError(
            f"{name}: no model file of that name{near(name, known)} (`nas spaces` lists them all; "
            "a path ending in .yaml names a file of your own)"
        )
    return known[name]


def _no_file(name: str) -> str:
    """That a path leads to no model file; nor to a run, where it may have been meant for one."""
    path, (folder, colon, _) = Path(name), name.rpartition(":")
    listed = "`nas spaces` lists the built-in ones"
    if path.suffix in (".yaml", ".yml"):
        return f"{name}: no such model file; {listed}"
    if (path / "search.json").is_file():
        return f"{name}: a run, not a model file; {name}:ID names one of its networks"
    if not colon:
        return f"{name}: no such model file or run; {listed}, `nas runs` lists runs"
    if (Path(folder) / "search.json").is_file():
        return f"{name}: a network of a run cannot be had here; write its model file"
    return f"{name}: no such model file or run; {listed}, and of RUN:ID {folder} is no run folder"


def load_space(name: str, overrides: Sequence[str] = ()) -> SearchSpace:
    """Read a model file by name or path, with `PATH=VALUE` overrides. Raises ModelFileError."""
    path = find_model_file(name)
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFileError(f"{path}: cannot be read: {error}") from error
    return parse_space(text, source=_shown(path), name=path.stem, overrides=overrides)


def load_architecture(name: str, overrides: Sequence[str] = ()) -> Architecture:
    """Read a model file in which nothing is open. Raises ModelFileError."""
    space = load_space(name, overrides)
    if space.is_open:
        names = [gene.name for gene in space.genes]
        listed = ", ".join([*names[:3], *(["..."] if len(names) > 3 else [])])
        raise ModelFileError(
            f"{space.source}: {len(space.genes)} values are open ({listed}), so this is a "
            f"space, not a network; search it with `nas search --space {name}`, or close them "
            "with `overrides`"
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
    given = root.fields.get("tied")
    root = override(root, overrides)
    fields = dict(root.fields)
    description = _text(fields.pop("description", None), "description", source)
    ladder = fields.pop("ladder", None)
    tied = fields.pop("tied", Fields({}, root.line))
    if not isinstance(tied, Fields):
        raise ModelFileError(
            f"{source}:{tied.line}: tied: a mapping of names to open values is needed here, "
            f"not {shown(tied)}"
        )
    fields.setdefault("name", Scalar(name, root.line))
    reader = Reader(source, tied.fields)
    template = reader.read_record(Fields(fields, root.line), Architecture, "")
    if overrides:
        root = _without_unused(root, given, reader.used)
        text = yaml.safe_dump(_plain(root, {}), sort_keys=False)
    _require_used(root, reader)
    space = SearchSpace(
        name=_text(fields["name"], "name", source),
        description=description,
        ladder=_ladder(ladder, source),
        source=source,
        text=text,
        genes=tuple(reader.genes.genes),
        template=template,
        tied=reader.used,
    )
    _require_legal(space, root)
    return space


def dump_architecture(arch: Architecture) -> str:
    """A model file that describes `arch` with every value given."""
    text: str = yaml.safe_dump(describe(arch), sort_keys=False, default_flow_style=None)
    return text


def _require_used(root: Fields, reader: Reader) -> None:
    tied = root.fields.get("tied")
    for name, node in tied.fields.items() if isinstance(tied, Fields) else ():
        if name not in reader.used:
            raise reader.error(
                node, f"tied.{name}", f"nothing uses this value; {{tied: {name}}} would"
            )


def _without_unused(root: Fields, given: Node | None, used: Container[str]) -> Fields:
    """`root` less those of the file's own tied values that overrides left without a use."""
    tied = root.fields.get("tied")
    if not isinstance(tied, Fields) or not isinstance(given, Fields):
        return root
    kept = {
        name: node
        for name, node in tied.fields.items()
        if name in used or name not in given.fields
    }
    return Fields({**root.fields, "tied": Fields(kept, tied.line)}, root.line)


def _require_legal(space: SearchSpace, root: Fields) -> None:
    """Raise IllegalArchitecture unless some setting describes a network."""
    rules, tried = Counter[str](), 0
    for genome in _some_genomes(space):
        tried += 1
        try:
            space.decode(genome).id  # noqa: B018 - compiling is the check
        except IllegalArchitecture as error:
            rules[error.rule] += 1
            last = error
        else:
            return
    where = f"{space.source}:{line_at(root, str(last).partition(': ')[0])}"
    if not space.is_open:
        raise IllegalArchitecture(f"{where}: {last}", rule=last.rule)
    counted = "; ".join(f"{rule} ({count:,} times)" for rule, count in rules.most_common(3))
    raise IllegalArchitecture(
        f"{where}: none of {tried:,} settings describes a network: {counted}. For instance {last}",
        rule=rules.most_common(1)[0][0],
    )


def _some_genomes(space: SearchSpace) -> Iterable[Genome]:
    """All genomes of a small space; of a large one, a random sample."""
    sizes = [len(gene.labels) for gene in space.genes]
    if math.prod(sizes) <= LEGALITY_TRIES:
        return product(*map(range, sizes))
    rng = random.Random(0)
    return (space.random_genome(rng) for _ in range(LEGALITY_TRIES))


def _text(node: Node | None, key: str, source: str) -> str:
    if node is None:
        return ""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        raise ModelFileError(
            f"{source}:{node.line}: {key}: a string is needed here, not {shown(node)}"
        )
    return node.value


def _ladder(node: Node | None, source: str) -> str | None:
    """`1@14,2` is text to YAML, a single `1` is a number: either will do."""
    if isinstance(node, Scalar) and type(node.value) is int:
        return str(node.value)
    return None if node is None else _text(node, "ladder", source)


def _plain(node: Node, known: dict[int, object]) -> object:
    """Plain values; what was an alias is the same object, so that PyYAML writes one again."""
    if isinstance(node, Scalar):
        return node.value
    if id(node) not in known:
        known[id(node)] = (
            {key: _plain(value, known) for key, value in node.fields.items()}
            if isinstance(node, Fields)
            else [_plain(item, known) for item in node.items]
        )
    return known[id(node)]


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(catalogue_folder().parent))
    except ValueError:
        return str(path)
