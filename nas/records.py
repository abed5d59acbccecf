"""Records read back from JSON: every value is checked to be of its field's type."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


def read_record(kind: type[T], plain: object) -> T:
    """A dataclass or typed dictionary from what JSON made of it; lists become tuples again.

    Raises ValueError, which names the field and the value that does not suit it; and what the
    record itself raises.
    """
    from pydantic import ValidationError

    adapter: TypeAdapter[T] = _adapter(kind)  # type: ignore[arg-type]  # classes are hashable
    try:
        return adapter.validate_python(plain)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or kind.__name__
        raise ValueError(f"{where}: {first['msg']} (found {first['input']!r:.60})") from None


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
