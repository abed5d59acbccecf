from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.run.postgresql import Server, tool
from tests.search.small import journal_in, make_problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nas.search import Problem, StorageAddress


@pytest.fixture(scope="session")
def small() -> Problem:
    return make_problem()


@pytest.fixture
def address(tmp_path: Path) -> StorageAddress:
    return journal_in(tmp_path)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A real PostgreSQL, for tests that leave its studies to themselves."""
    if tool("initdb") is None:
        pytest.skip("PostgreSQL is not installed")
    server = Server.create()
    yield server
    server.remove()
