from __future__ import annotations

import json

import pytest

from nas.data import DataOptions, parse_channels, parse_resolution
from nas.errors import OptionError


@pytest.mark.parametrize(
    ("text", "size"), [("64", (64, 64)), ("40x100", (40, 100)), ("1x200", (1, 200)), (None, None)]
)
def test_sizes(text: str | None, size: tuple[int, int] | None) -> None:
    assert parse_resolution(text) == size


@pytest.mark.parametrize("text", ["", "0", "3", "64x", "64x64x3", "-8", "big", "1e3"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(OptionError, match=r"`resolution` .*: write pixels"):
        parse_resolution(text)


def test_channels() -> None:
    assert [parse_channels(text) for text in ("1", "3", "auto")] == [1, 3, None]
    with pytest.raises(OptionError, match="`channels` 2: write 1"):
        parse_channels("2")


def test_unknown_ways_to_resize() -> None:
    with pytest.raises(OptionError, match="`resize` squash: unknown; write one of crop, pad, str"):
        DataOptions(resize="squash")  # type: ignore[arg-type]


def test_options_survive_json() -> None:
    options = DataOptions(resolution=(40, 100), resize="pad", flip=False, group_by="person")

    assert DataOptions.from_plain(json.loads(json.dumps(options.to_plain()))) == options
