"""The model files that the documentation shows can be read, and hold networks."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from nas.space import parse_space

TEXT = (Path(__file__).parents[2] / "docs" / "model_files.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)


def test_there_are_blocks() -> None:
    assert len(BLOCKS) == 4


@pytest.mark.parametrize("block", BLOCKS)
def test_what_the_documentation_shows_works(block: str) -> None:
    space = parse_space(block, source="docs/model_files.md", name="docs")
    assert space.is_open
    assert space.random_architecture(random.Random(0)).id
