"""Numbers as people write and read them: `100k`, 12.3 kB, 1:02:03."""

from __future__ import annotations

import re
import shlex
from decimal import Decimal
from fractions import Fraction

from nas.errors import OptionError

PREFIXES = ("", "k", "M", "G", "T", "P")
FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def human_count(count: float) -> str:
    """Three significant digits and a decimal prefix: 950, 12.3 k, 1.20 M."""
    step = 0
    # 999.5 would be printed as 1000: it belongs to the next prefix.
    while abs(count) >= (1000 if step == 0 else 999.5) and step < len(PREFIXES) - 1:
        count, step = count / 1000, step + 1
    if step == 0:
        return f"{count:.0f}"
    decimals = 2 if abs(count) < 9.995 else 1 if abs(count) < 99.95 else 0
    return f"{count:.{decimals}f} {PREFIXES[step]}"


def quoted(path: object) -> str:
    """A path as it can be pasted into a shell, within a command."""
    return shlex.quote(str(path))


def counted(count: int, noun: str) -> str:
    """`1 network`, `2 networks`, `1,000 networks`; of nouns that take an s."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def human_bytes(count: float) -> str:
    """`human_count` with the unit: 950 B, 12.3 kB, 1.20 MB."""
    number = human_count(count)
    return f"{number}B" if " " in number else f"{number} B"


def human_seconds(seconds: float) -> str:
    """Minutes and seconds, with hours from the first one on: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def human_share(share: float) -> str:
    """A share as per cent: 91.20 %."""
    return f"{share:.2%}".replace("%", " %")


def human_ms(milliseconds: float) -> str:
    """Three significant digits: 0.123 ms, 12.3 ms."""
    return f"{milliseconds:.3g} ms"


def human_large(number: float) -> str:
    """A number of any size in two digits: 56, 8.1e+14, 1e+329."""
    if number < 10**300:
        return f"{number:.2g}"
    digits, _, exponent = f"{Decimal(number):.1e}".partition("e")  # beyond what a float can hold
    return f"{digits.removesuffix('.0')}e{exponent}"


def parse_count(text: str, name: str) -> int:
    """`100k` -> 100,000; `1.5M` -> 1,500,000. Raises OptionError, which speaks of `name`."""
    match = re.fullmatch(r"([0-9]{1,99}(?:\.[0-9]{1,99})?)([kKmMgG]?)", text.strip())
    # Floats would make 4,099,999.9999999995 of 4.1M.
    count = Fraction(match[1]) * FACTORS[match[2].lower()] if match else Fraction(0)
    if count < 1 or count.denominator != 1:
        raise OptionError(
            f"{name} {text}: write a whole number above 0, as in 50000, 100k or 1.5M"
        )
    return int(count)


def parse_share(text: str, name: str) -> float:
    """`0.9` or `90%` -> 0.9. Raises OptionError, which speaks of `name`."""
    match = re.fullmatch(r"([0-9]{0,99}\.?[0-9]{1,99})\s*(%?)", text.strip())
    share = float(Fraction(match[1]) / (100 if match[2] else 1)) if match else -1.0
    if not 0 < share <= 1:
        raise OptionError(f"{name} {text}: write a share above 0, at most 1, as in 0.9 or 90%")
    return share


def parse_number(text: str, name: str, *, least: float = 0.0) -> float:
    """A finite number above `least`. Raises OptionError, which speaks of `name`."""
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least < number < float("inf"):
        raise OptionError(f"{name} {text}: write a number above {least:g}")
    return number
