"""ONNX networks in ONNX Runtime: their logits, and how many images they classify correctly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from nas.model import joined

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 64


def accuracy_of(network: bytes, images: Tensor, labels: Tensor) -> float:
    """Share of (N, C, H, W) `images` that an ONNX network classifies as in `labels`."""
    session = open_session(network)
    right = 0
    for batch, wanted in zip(torch.split(images, BATCH), torch.split(labels, BATCH), strict=True):
        right += int((run_onnx(session, batch).argmax(1) == wanted).sum())
    return right / len(images)


def open_session(network: bytes) -> Any:
    """An ONNX network in ONNX Runtime, on one thread of the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])


def run_onnx(session: Any, images: Tensor) -> Tensor:
    """(B, C, H, W) images -> (B, K) logits; of several heads one behind the other."""
    made = session.run(None, {"images": images.numpy()})
    return joined(tuple(map(torch.from_numpy, made)))
