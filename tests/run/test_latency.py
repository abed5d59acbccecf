"""Latency in a search: what is said where nothing was learned about the space yet."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from nas.errors import OptionError
from nas.families import Plugin
from nas.run._latency import require_calibration
from nas.space import load_space

if TYPE_CHECKING:
    from pathlib import Path


def test_the_command_that_is_advised_names_the_same_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its changes and plug-ins, in quotes where a shell needs them."""
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("HOME", str(tmp_path))
    plugins = (Plugin("nas_plugin_mine", "", "/my blocks/mine.py"), Plugin("your.blocks"))
    monkeypatch.setattr("nas.run._latency.loaded_plugins", lambda: plugins)
    overrides = ("stages.*.depth=2", "stem.conv.channels={choice: [8, 16]}")
    space = load_space("lru_vgnet")
    with pytest.raises(OptionError) as caught:
        require_calibration(space, "my space.yaml", (1, 8, 8), 3, overrides)

    *_, command = str(caught.value).partition("nas latency ")
    assert shlex.split(command) == [
        "--calibrate", "my space.yaml", "--input", "1x8x8", "--classes", "3",
        "--set", overrides[0], "--set", overrides[1],
        "--plugin", "/my blocks/mine.py", "--plugin", "your.blocks",
    ]  # fmt: skip
