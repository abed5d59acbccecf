from __future__ import annotations

import pytest

from nas.errors import OptionError
from nas.units import (
    counted,
    human_large,
    human_ms,
    human_share,
    parse_count,
    parse_number,
    parse_share,
)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (56, "56"),
        (812_345_678_901_234, "8.1e+14"),
        pytest.param(49_995**70, "8.4e+328", id="beyond floats"),
        (10**329, "1e+329"),
        pytest.param(10**5000, "1e+5000", id="huge"),
    ],
)
def test_whole_numbers_of_any_size_are_written(number: int, text: str) -> None:
    assert human_large(number) == text


def test_shares_and_times_carry_their_unit() -> None:
    assert (human_share(0.912), human_ms(0.12345)) == ("91.20 %", "0.123 ms")


def test_shares_and_numbers_are_read() -> None:
    assert parse_share("85 %", "x") == 0.85
    assert parse_number("1e-3", "x") == 0.001
    for text in ("0", "-1", "1.2", "nan", ""):
        with pytest.raises(OptionError):
            parse_share(text, "x")
    for text in ("0", "inf", "two"):
        with pytest.raises(OptionError):
            parse_number(text, "x")


def test_counts_are_read_to_the_last_digit() -> None:
    for tenths in range(1, 1_000):
        assert parse_count(f"{tenths / 10:.1f}k", "x") == 100 * tenths
        assert parse_count(f"{tenths / 100:.2f}M", "x") == 10_000 * tenths
    assert parse_count("0.000000001g", "x") == 1
    for text in ("1.00000000000000000000000000000000001k", "9" * 5_000):
        with pytest.raises(OptionError):
            parse_count(text, "x")


def test_per_cent_are_the_share_that_they_say() -> None:
    for tenths in range(1, 1_001):
        assert parse_share(f"{tenths / 10:.1f}%", "x") == tenths / 1_000


def test_one_is_singular() -> None:
    texts = [counted(number, "network") for number in (0, 1, 2, 1000)]
    assert texts == ["0 networks", "1 network", "2 networks", "1,000 networks"]
