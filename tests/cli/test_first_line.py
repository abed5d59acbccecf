"""A verb says what it does before torch, which takes seconds to load."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT_TORCH = (
    "import sys; sys.modules['torch'] = None; sys.argv = ['nas', *sys.argv[1:]]; "
    "from nas.cli import main; main()"
)


@pytest.mark.parametrize(
    "words",
    [
        ("data", "somewhere"),
        ("train", "lrunet_1_1x"),
        ("resume", "somewhere"),
        ("report", "somewhere"),
        ("export", "somewhere"),
        ("inspect", "lrunet_1_1x"),
        ("runs", "somewhere"),
        ("recipes",),
        ("latency", "lrunet_1_1x"),
    ],
    ids=lambda words: words[0],
)
def test_the_first_line_needs_no_torch(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *words], capture_output=True, text=True, check=False
    )
    first = done.stdout.partition("\n")[0]
    assert first.split()[0] in ("Reading", "Runs", "Recipes", "Measuring")
    assert "torch" in done.stderr
