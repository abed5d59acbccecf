from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench.toy import make_table

if TYPE_CHECKING:
    from nas.bench import Table


@pytest.fixture(scope="session")
def toy() -> Table:
    return make_table()
