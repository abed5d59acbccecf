"""`make benchmarks` runs programs that are there, need no argument and publish nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE, BENCHMARKS = ROOT / "Makefile", ROOT / "benchmarks"
LEFT_OUT = {
    "final_proof",  # a verb
    "references",  # a verb
    "side_by_side",  # another tree
    "large_data",  # 20 GB of disk
    "make_table",  # writes results/
    "published_export",  # writes results/
    "table_lessons",  # writes results/
    "published_figures",  # a document of docs/, which the tests compare
}

pytestmark = pytest.mark.skipif(
    not MAKEFILE.is_file(), reason="the Makefile is not part of a source distribution"
)


def listed() -> list[str]:
    text = MAKEFILE.read_text().replace("\\\n", " ") if MAKEFILE.is_file() else "BENCHMARKS :="
    found = re.search(r"^BENCHMARKS\s*:=(.*)$", text, re.MULTILINE)
    assert found is not None
    return found[1].split()


def test_every_program_is_listed_or_left_out() -> None:
    programs = {path.stem for path in BENCHMARKS.glob("[a-z]*.py")}
    assert sorted([*listed(), *LEFT_OUT]) == sorted(programs)


@pytest.mark.parametrize("name", listed())
def test_a_listed_program_needs_no_argument(name: str) -> None:
    source = (BENCHMARKS / f"{name}.py").read_text()
    assert not re.search(r'add_argument\(\s*"[a-z]|required=True', source)
