"""Which text of a plug-in figures belong to: a word of it, and the digest is that of its file."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from nas.families import FAMILIES, _plugin_text, plugin_digest

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "from torch import nn\nclass Mine(nn.Module):\n    depth = {}\n"


@pytest.fixture
def digest_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The digest of some words where a family `mine` is in a module of a given text."""
    mine = SimpleNamespace(modules="my_text", options=(SimpleNamespace(kind="my_block"),))
    monkeypatch.setattr(_plugin_text, "FAMILIES", {**FAMILIES, "mine": mine})
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def digest(text: str, *words: str) -> str:
        _plugin_text._texts.cache_clear()
        monkeypatch.delitem(sys.modules, "my_text", raising=False)
        (tmp_path / "my_text.py").write_text(text)
        return plugin_digest(words)

    yield digest
    _plugin_text._texts.cache_clear()


def test_a_digest_is_that_of_the_text(digest_of: Any) -> None:
    first = digest_of(TEXT.format(1), "GapLinear", "Mine")
    assert len(first) == 8
    assert first == digest_of(TEXT.format(1), "my_block", "lru")
    assert first != digest_of(TEXT.format(22), "Mine")


def test_what_is_ours_has_none(digest_of: Any) -> None:
    assert digest_of(TEXT.format(1), "GapLinear", "LruBlock", "yours", "nn.ReLU") == ""
    assert digest_of(TEXT.format(1)) == ""


def test_without_plugins_there_is_none() -> None:
    assert plugin_digest(["Mine", "my_block"]) == ""
