"""What a model card says of the files: of several heads the outputs' own names."""

from __future__ import annotations

from typing import Any

import pytest

from nas.export._card import _files


@pytest.mark.parametrize(
    ("names", "said"),
    [("logits", "output `logits`"), ("joints, depth", "outputs `joints`, `depth`")],
)
def test_the_outputs_of_the_onnx_file_are_named(names: str, said: str) -> None:
    record: dict[str, Any] = {"onnx": {"output": names}, "program": False}
    rows = _files(record, {"net.onnx": 10, "net.txt": 1}, "net")
    assert rows == [("`net.onnx`", f"ONNX, fp32, any batch, input `images`, {said} (10 B)")]


def test_without_an_onnx_file_none_is_named() -> None:
    record: dict[str, Any] = {"onnx": None, "program": True, "inputs": {"task": "regression"}}
    ((file, meaning),) = _files(record, {"net.py": 10}, "net")
    assert file == "`net.py`"
    assert "prints its answers" in meaning
