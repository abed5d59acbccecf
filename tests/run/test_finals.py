"""A final front that is not whole is named, with what to do."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from nas.errors import RunFolderError
from nas.run import open_run
from tests.run.published import BEST_FINAL, NUM_FINALISTS, copy_published

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ADVICE = "move .*final away and train anew with `nas train .*`nas export .* --proxies`"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return copy_published(tmp_path / "run")


def test_the_published_finalists_are_read(run: Path) -> None:
    finals = open_run(run).finals()

    assert len(finals) == NUM_FINALISTS
    assert finals[0].arch_id == BEST_FINAL
    assert finals[0].evidence.split == "test"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "members: Field required"),
        ("{", "is damaged: Expecting property name"),
        ("[]", "is damaged: "),
        ('{"members": []}', "members: a final front has one at least"),
        ('{"members": [{"arch_id": "abc"}]}', "members.0.trial: Field required"),
    ],
)
def test_a_damaged_final_front_is_named(run: Path, content: str, said: str) -> None:
    (run / "final" / "final.json").write_text(content)

    with pytest.raises(RunFolderError, match=rf"final\.json: .*{re.escape(said)}") as raised:
        open_run(run).pick("knee")
    assert re.search(ADVICE, str(raised.value))
    assert open_run(run).pick("knee", proxies=True)


def test_a_trial_that_the_search_does_not_have_is_named(run: Path) -> None:
    file = run / "final" / "final.json"
    plain = json.loads(file.read_text())
    plain["members"][0]["trial"] = 10_000
    file.write_text(json.dumps(plain))

    with pytest.raises(RunFolderError, match=f"names network {BEST_FINAL} of trial 10000"):
        open_run(run).finals()


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_a_finalists_own_weights_are_named(run: Path, content: bytes) -> None:
    file = run / "final/networks" / BEST_FINAL / "weights.safetensors"
    file.write_bytes(content)

    with pytest.raises(RunFolderError, match=f"{file}: holds no weights of network") as raised:
        open_run(run).export(BEST_FINAL, code_only=True)
    assert re.search(ADVICE, str(raised.value))
    assert "repair" not in str(raised.value)


def _remove_records(run: Path) -> None:
    for file in (run / "final/networks" / BEST_FINAL / "export").glob("*.json"):
        file.unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda run: shutil.rmtree(run / "final/networks"), "networks: this folder is missing"),
        (
            lambda run: shutil.rmtree(run / "final/networks" / BEST_FINAL),
            f"{BEST_FINAL}: this folder is missing",
        ),
        (
            lambda run: shutil.rmtree(run / "final/networks" / BEST_FINAL / "export"),
            "export: this folder is missing",
        ),
        (_remove_records, "export: holds no record"),
        (
            lambda run: (run / "final/networks" / BEST_FINAL / "report.json").write_text("{}"),
            r"report.json: is damaged: 'validation' is missing",
        ),
    ],
)
def test_what_is_missing_of_a_finalist_is_named(
    run: Path, damage: Callable[[Path], object], said: str
) -> None:
    damage(run)

    with pytest.raises(RunFolderError, match=said) as raised:
        open_run(run).finals()
    assert "*" not in str(raised.value)
    assert re.search(ADVICE, str(raised.value))
