from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from tests.small_data import blobs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended

    Nas = Callable[..., Ended]


def test_data_are_described_in_words_and_as_json(nas: Nas, npz: Path) -> None:
    words, plain = nas("data", npz), nas("data", npz, "--json")

    assert "4 classes, images of 1x16x16; 333 to train, 67 to validate, 80 to test" in words.out
    assert json.loads(plain.out)["test"] == 80


def test_options_change_what_is_read(nas: Nas, npz: Path) -> None:
    ended = nas("data", npz, "--resolution", "8x12", "--channels", "3", "--no-flip")

    assert "images of 3x8x12 (found as 1x16x16)" in ended.out
    assert "Mirroring: no (as asked for)" in ended.out


def test_what_is_wrong_is_one_message(nas: Nas, tmp_path: Path) -> None:
    images, _ = blobs(8)
    np.savez(tmp_path / "a.npz", images=images)

    for words in (
        (tmp_path / "a.npz",),
        (tmp_path / "b",),
        (tmp_path / "a.npz", "--channels", "2"),
    ):
        ended = nas("data", *words)
        assert ended.status == 2
        assert ended.err.startswith("nas: ")


def test_a_search_says_what_its_data_are(nas: Nas, search_words: list[str]) -> None:
    ended = nas(*search_words, "--resolution", "12")

    assert "images of 1x12x12 (found as 1x8x8)" in ended.out
    assert "has a standard error of" in ended.out
