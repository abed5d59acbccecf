from __future__ import annotations

from pathlib import Path

import pytest

import nas
from nas.names import near


@pytest.mark.parametrize(
    ("name", "said"),
    [("modle", ", did you mean 'model'?"), ("tpe2", ", did you mean 'tpe'?"), ("xyz", "")],
)
def test_the_nearest_name_is_proposed_where_one_is_near(name: str, said: str) -> None:
    assert near(name, {"model": 1, "tpe": 2}) == said
    assert near(name, (one for one in ("model", "tpe"))) == said


def test_names_are_compared_in_one_place() -> None:
    package = Path(nas.__file__).parent
    users = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "get_close_matches" in path.read_text(encoding="utf-8")
    }

    # The reference has three for each name.
    assert users == {"names.py", "space/_reference.py"}
