"""The class that plug-ins inherit their tests from: a test for every check, and that check."""

from __future__ import annotations

import pytest

from nas.testing import CHECKS, FamilyTests, Subject, _checks


@pytest.mark.parametrize("check", CHECKS)
def test_the_class_makes_every_check(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, Subject]] = []
    for name in CHECKS:
        monkeypatch.setattr(_checks, name, lambda subject, name=name: made.append((name, subject)))

    class TestPlain(FamilyTests):
        family = "plain"

    tests = TestPlain()
    getattr(tests, f"test_{check}")()
    assert made == [(check, tests.subject)]


def test_it_makes_no_others() -> None:
    assert {name for name in vars(FamilyTests) if name.startswith("test_")} == {
        f"test_{check}" for check in CHECKS
    }
