"""Files that hold one record, such as a recipe: read as strictly as a model file."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from nas.errors import ModelFileError
from nas.space._hints import field_hints
from nas.space._override import override
from nas.space._read import Reader
from nas.space._yaml import Fields, Scalar, line_at, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nas.space._template import Gene, Template

T = TypeVar("T")


def parse_record(
    cls: type[T],
    text: str,
    *,
    source: str,
    name: str,
    overrides: Sequence[str] = (),
    contradictions: Callable[[T], Iterable[tuple[str, str]]] = lambda record: (),
) -> T:
    """The record that a file's text describes, with every value given.

    Args:
        cls: A frozen dataclass with a `name`; its fields' types and bounds are the grammar.
        text: YAML.
        source: Stands for the file in messages.
        name: The record's, where the file gives none.
        overrides: `PATH=VALUE`, applied in turn.
        contradictions: Gives (path, message) for values that do not go together.

    Raises:
        ModelFileError: With file, line, path, what is allowed and the nearest name.
    """
    root = _mapping(text, source)
    for assignment in overrides:
        root = override(_with_parents(root, assignment.partition("=")[0], cls), [assignment])
    root.fields.setdefault("name", Scalar(name, root.line))
    template, genes = _template(cls, root, source)
    if genes:
        raise ModelFileError(
            f"{source}:{line_at(root, genes[0].name)}: {genes[0].name}: is left open; give one "
            f"value here or with `overrides` {genes[0].name}=VALUE"
        )
    record = cast("T", template.build((), set()))
    for path, message in contradictions(record):
        raise ModelFileError(f"{source}:{line_at(root, path)}: {path}: {message}")
    return record


def _mapping(text: str, source: str) -> Fields:
    root = parse_yaml(text, source) if text.strip() else None
    if not isinstance(root, Fields):
        raise ModelFileError(f"{source}:1: a mapping of keys to values is needed here")
    return Fields(dict(root.fields), root.line)


def _with_parents(root: Fields, path: str, cls: type[Any]) -> Fields:
    """`root` with the records around `path`, of which the file may give none."""
    key, _, rest = path.partition(".")
    hints = field_hints(cls)  # type: ignore[arg-type]
    inner = _record_type(hints.get(key, (None, False))[0])
    if not rest or inner is None:
        return root
    child = root.fields.get(key)
    if not isinstance(child, Fields):
        child = Fields({}, root.line)
    return Fields({**root.fields, key: _with_parents(child, rest, inner)}, root.line)


def _record_type(hint: Any) -> type[Any] | None:
    """The record that a field holds, perhaps optionally."""
    options = (hint, *get_args(hint))
    return next((one for one in options if isinstance(one, type) and is_dataclass(one)), None)


def _template(cls: type[Any], root: Fields, source: str) -> tuple[Template, list[Gene]]:
    reader = Reader(source, {})
    return reader.read_record(root, cls, ""), reader.genes.genes
