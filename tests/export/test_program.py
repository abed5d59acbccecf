"""What an exported file prints of a picture, for every task."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from PIL import Image

from nas.export import Inputs
from nas.export._inputs import usage_code

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("task", "heads", "outputs", "said"),
    [
        ("classification", 1, [0.0, 1.0, 3.0], ["84.38%  c", "11.42%  b", "4.20%  a"]),
        ("multilabel", 1, [-1.0, 1.0, 3.0], ["95.26%  c", "73.11%  b", "26.89%  a"]),
        ("multilabel", 3, [-1.0, 1.0, 3.0], ["95.26%  c", "73.11%  b", "26.89%  a"]),
        ("segmentation", 1, [0.0, 2.0, 1.0], ["75.00%  b", "25.00%  c", "0.00%  a"]),
        ("regression", 1, [-1.0, 0.25, 1e6], ["-1  a", "0.25  b", "1e+06  c"]),
        ("regression", 3, [-1.0, 0.25, 1e6], ["-1  a", "0.25  b", "1e+06  c"]),
    ],
)
def test_the_program_of_every_task(
    task: str,
    heads: int,
    outputs: list[float],
    said: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    inputs = Inputs(class_names=("a", "b", "c"), mean=(0.0,), std=(1.0,), task=task)
    code = usage_code(inputs, "Network", (1, 4, 4), weights=True, several_heads=heads > 1)
    names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "Tensor": torch.Tensor}
    exec("from __future__ import annotations\nclass Network: ...\n" + code, names)
    answer = torch.tensor([outputs])
    if task == "segmentation":
        answer = answer[:, :, None, None].repeat(1, 1, 2, 2)
        answer[0, 2, 0, 0] = 3.0
    names["load"] = lambda: lambda _image: answer.chunk(heads, 1) if heads > 1 else answer
    Image.new("L", (8, 8)).save(tmp_path / "one.png")
    monkeypatch.setattr(sys, "argv", ["net.py", str(tmp_path / "one.png")])

    with pytest.raises(SystemExit) as ended:
        names["main"]()

    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in lines[1:]] == said
