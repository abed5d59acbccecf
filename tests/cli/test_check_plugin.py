"""`nas check-plugin`: every check by name, and exit status 2 where a family falls short."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from nas.testing import CHECKS, CheckResult, run_checks
from tests.families.test_plugins import GOOD, PLUGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nas.components import Family
    from tests.cli.conftest import Ended

    Nas = Callable[..., Ended]


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "checked.py"
    path.write_text(PLUGIN.format(**GOOD), encoding="utf-8")
    return path


def test_a_family_that_does_what_ours_do(
    nas: Nas, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.testing.run_checks", partial(run_checks, many=1))
    ended = nas("check-plugin", plugin)

    assert (ended.status, ended.err) == (0, "")
    family, *checks = ended.out.splitlines()[-1 - len(CHECKS) :]
    assert family == "family mine: my_conv"
    assert [line.split() for line in checks] == [[*name.split("_"), "ok"] for name in CHECKS]


def test_what_falls_short_is_named_and_the_status_says_so(
    nas: Nas, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall_short(family: Family) -> Iterator[CheckResult]:
        yield CheckResult(name="records_travel")
        yield CheckResult(name="networks_train", error=AssertionError("no gradient [bias]"))
        yield CheckResult(name="code_stands_alone", error=KeyError("torch"))

    monkeypatch.setattr("nas.testing.run_checks", fall_short)
    ended = nas("check-plugin", plugin)

    assert ended.status == 2
    assert "networks train              FAILED: no gradient [bias]" in ended.out
    assert "code stands alone           FAILED: KeyError: 'torch'" in ended.out
    assert f"checked.py: 2 of {len(CHECKS)} checks failed" in ended.err
