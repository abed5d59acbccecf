"""What the library says of its arguments, as whoever types options reads it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import typer

from nas.cli import app
from nas.cli._results import _print_failures
from nas.cli._screen import Screen
from nas.trial import Failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("data fashion_mnist --group-by person", "--group-by person: fashion_mnist has no groups"),
        ("data . --resolution 1", "--resolution 1: write pixels"),
        ("show lru_vgnet --set depth", "--set depth: write PATH=VALUE"),
        ("train lrunet_1_1x --threads 1 --device tpu", "--device tpu: unknown device"),
        ("scenes a.npz --side 12 --of {images}", "--side 12, --scenes 2000: "),
        ("search --space lru_vgnet --task-timeout 0", "--task-timeout 0: write a number"),
        ("search --space lru_vgnet --max-params no", "--max-params no: write a whole number"),
        ("search --space lru_vgnet --limit macs=no", "--max-macs no: write a whole number"),
        ("search --space lru_vgnet --limit sparks=1", "--limit: unknown metric 'sparks'"),
        ("bench --seeds 0", "--seeds 0: give at least 1"),
    ],
)
def test_errors_say_what_to_type(
    words: str, said: str, nas: Callable[..., Ended], images: Path
) -> None:
    ended = nas(*words.format(images=images).split())

    assert ended.status == 2
    assert f"nas: {said}" in ended.err


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Grey pictures of 16x16."""
    import numpy as np

    labels = np.arange(40) % 2
    pixels = np.zeros((40, 16, 16), np.uint8) + labels.astype(np.uint8)[:, None, None]
    np.savez(tmp_path / "grey.npz", images=pixels, labels=labels)
    return tmp_path / "grey.npz"


def test_what_was_decided_of_data_says_what_to_type(
    nas: Callable[..., Ended], images: Path
) -> None:
    ended = nas("data", images)

    assert "with --folds " in ended.out
    assert "`" not in ended.out


def test_a_name_has_the_same_option_in_every_verb() -> None:
    verbs = typer.main.get_command(app).commands.values()  # type: ignore[attr-defined]
    found = {
        (one.name, one.opts[0])
        for verb in verbs
        for one in verb.params
        if one.param_type_name == "option"
    }

    assert len({name for name, _ in found}) == len(found)


def test_what_a_failed_training_advises_says_what_to_type(
    capsys: pytest.CaptureFixture[str],
) -> None:
    failure = Failure(kind="OutOfMemory", message="search smaller ones (`limits` params)")
    one = SimpleNamespace(state="failed", failure=failure, number=3)

    _print_failures(Screen(), SimpleNamespace(evaluations=[one]))  # type: ignore[arg-type]

    assert "trial 3: search smaller ones (--max-params)" in capsys.readouterr().out
