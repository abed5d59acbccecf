"""Post-training quantisation by ONNX Runtime: int8 kernels by channel, uint8 activations.

Ranges of activations come from training images, accuracy from validation images; the test split
is not touched. The method is that of Jacob et al., Quantization and Training of Neural Networks
for Efficient Integer-Arithmetic-Only Inference (2018), section 3, as ONNX Runtime has it.
"""

from __future__ import annotations

import logging
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nas.errors import OptionError
from nas.latency import export_onnx
from nas.train import resized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from nas.data import ImageData, Images
    from nas.trial import Fidelity

CALIBRATION_IMAGES = 256
EXTRA = ("onnx", "onnxruntime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Network:
    """A network before and after quantisation, both as ONNX Runtime runs them."""

    fp32_accuracy: float
    """On validation images, in [0, 1]."""
    int8_accuracy: float
    fp32_bytes: int
    """Size of the ONNX file, graph included."""
    int8_bytes: int
    onnx: bytes
    """The quantised network, for one image, input named `images`."""


def quantize_int8(model: nn.Module, data: ImageData, fidelity: Fidelity) -> Int8Network:
    """Quantise a trained network and score it as it was scored in the search.

    Args:
        model: (1, C, H, W) -> (1, K), without parameter rings.
        data: Calibrated on training images, scored on validation images.
        fidelity: Which validation images, at which resolution.

    Raises OptionError where the packages for it are missing.
    """
    _require()
    train = _prepared(data.train, CALIBRATION_IMAGES, fidelity, data)
    val = _prepared(data.val, fidelity.val_images, fidelity, data)
    labels = data.val.first(fidelity.val_images).labels
    shape = (int(train.shape[1]), int(train.shape[2]), int(train.shape[3]))
    fp32 = export_onnx(model.eval(), shape)
    int8 = _quantized(fp32, train)
    return Int8Network(
        fp32_accuracy=_accuracy(fp32, val, labels),
        int8_accuracy=_accuracy(int8, val, labels),
        fp32_bytes=len(fp32),
        int8_bytes=len(int8),
        onnx=int8,
    )


def _require() -> None:
    missing = [package for package in EXTRA if find_spec(package) is None]
    if missing:
        raise OptionError(
            f"--int8: {' and '.join(missing)} not installed, with which networks are quantised: "
            "pip install 'reuse-nas[latency]'"
        )


def _prepared(images: Images, count: int | None, fidelity: Fidelity, data: ImageData) -> Tensor:
    """(B, C, H, W) normalised images."""
    pixels = resized(images.first(count).pixels, fidelity.resolution)
    mean, std = (torch.tensor(value).view(1, -1, 1, 1) for value in (data.mean, data.std))
    return (pixels.float() / 255 - mean) / std


def _quantized(fp32: bytes, images: Tensor) -> bytes:
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.calibrate import CalibrationDataReader
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Hands out one image at a time."""

        def __init__(self) -> None:
            self._images = iter(torch.split(images, 1))

        def get_next(self) -> dict[str, Any] | None:
            """The next image; None after the last one."""
            image = next(self._images, None)
            return None if image is None else {"images": image.numpy()}

    with tempfile.TemporaryDirectory() as name, _quiet():
        plain, inferred, quantized = (Path(name) / f"{step}.onnx" for step in "abc")
        plain.write_bytes(fp32)
        quant_pre_process(plain, inferred, skip_symbolic_shape=True)
        quantize_static(
            inferred,
            quantized,
            Reader(),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return quantized.read_bytes()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice that ONNX Runtime logs on the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _accuracy(onnx: bytes, images: Tensor, labels: Tensor) -> float:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    right = sum(
        bool(session.run(None, {"images": image.numpy()})[0].argmax() == label)
        for image, label in zip(torch.split(images, 1), labels.tolist(), strict=True)
    )
    return right / len(images)
