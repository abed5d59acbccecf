"""Post-training quantisation by ONNX Runtime: int8 kernels by channel, uint8 activations.

Ranges of activations come from training images, accuracy from validation images; the test split
is not touched. The method is that of Jacob et al., Quantization and Training of Neural Networks
for Efficient Integer-Arithmetic-Only Inference (2018), section 3, as ONNX Runtime has it.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from nas.errors import OptionError
from nas.quantize._graph import compact, network_onnx
from nas.quantize._runtime import accuracy_of
from nas.train import Normalizer, resized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from nas.data import ImageData, Images
    from nas.trial import Fidelity

CALIBRATION_IMAGES = 256
EXTRA = ("onnx", "onnxruntime")


TOLERATED_LOSS = 0.01
"""Of accuracy. A network that loses more is quantised in the other ways too, and says so."""

Way = Literal["minmax", "percentile", "partial", "aware"]
WAYS: Mapping[Way, str] = MappingProxyType(
    {
        "minmax": "int8 kernels by channel, uint8 activations from their least to greatest value",
        "percentile": "int8 kernels by channel, uint8 activations over 99.99 % of their values",
        "partial": "as by percentile, with the first and last layer in fp32",
        "aware": "as by minmax, after training with quantisation in the loop",
    }
)
"""Ways to quantise, tried in this order; the last where its training was asked for."""
_PLAIN: tuple[Way, ...] = ("minmax", "percentile", "partial")
"""Those that need no training."""


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
    """The quantised network, for any number of images, input named `images`."""
    way: Way = "minmax"
    tried: tuple[tuple[Way, float], ...] = ()
    """Every way that was tried, with its accuracy."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a user must know before taking the file; empty where all is well."""
        return tuple(filter(None, (self._on_accuracy(), self._on_size())))

    def _on_accuracy(self) -> str:
        lost = self.fp32_accuracy - self.int8_accuracy
        if lost <= TOLERATED_LOSS:
            return ""
        tried = ", ".join(f"{way} {100 * accuracy:.2f} %" for way, accuracy in self.tried)
        return (
            f"int8 loses {100 * lost:.1f} points (fp32 {100 * self.fp32_accuracy:.2f} %; tried: "
            f"{tried}); take the fp32 file"
            + ("" if "aware" in dict(self.tried) else ", or try an export with `qat` 5")
        )

    def _on_size(self) -> str:
        if self.int8_bytes < self.fp32_bytes:
            return ""
        return (
            f"the int8 file is larger ({self.int8_bytes:,} bytes, fp32 {self.fp32_bytes:,}): "
            "scales and zero points of every operator outweigh what so few weights save; take fp32"
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenImages:
    """Images as a network sees them: at its size, (B, C, H, W), normalised."""

    calibration: Tensor
    """Of training, from which ranges of maps come."""
    validation: Tensor
    labels: Tensor
    """(B,) classes of the validation images."""


def seen_images(model: nn.Module, data: ImageData, fidelity: Fidelity) -> SeenImages:
    """The images of `fidelity` with which `model` is quantised and judged.

    No larger than those that its written form expects (`resolution`).
    """
    side = getattr(model, "resolution", None)
    if side is not None and (fidelity.resolution or side) >= side:
        fidelity = replace(fidelity, resolution=side)
    return SeenImages(
        calibration=_prepared(data.train, CALIBRATION_IMAGES, fidelity, data),
        validation=_prepared(data.val, fidelity.val_images, fidelity, data),
        labels=data.val.first(fidelity.val_images).labels,
    )


def quantize_int8(
    model: nn.Module,
    data: ImageData,
    fidelity: Fidelity,
    *,
    aware: nn.Module | None = None,
    seen: SeenImages | None = None,
) -> Int8Network:
    """Quantise a trained network and score it as it was scored in the search.

    Args:
        model: (B, C, H, W) -> (B, K), without parameter rings.
        data: Calibrated on training images, scored on validation images.
        fidelity: Which validation images, at which resolution.
        aware: The same network from `train_aware`; taken where it keeps more.
        seen: What `seen_images` makes of these, where it was made already.

    Raises OptionError where the packages for it are missing, or the task is another than classes.
    """
    check_int8(data.options.task)
    seen = seen or seen_images(model, data, fidelity)
    train, val, labels = seen.calibration, seen.validation, seen.labels
    shape = (int(train.shape[1]), int(train.shape[2]), int(train.shape[3]))
    fp32 = network_onnx(model, shape)
    exact = accuracy_of(fp32, val, labels)
    made: dict[Way, tuple[float, bytes]] = {}
    if aware is not None:
        int8 = _quantized(network_onnx(aware, shape), train, "aware")
        made["aware"] = accuracy_of(int8, val, labels), int8
    for way in _PLAIN:
        if any(accuracy >= exact - TOLERATED_LOSS for accuracy, _ in made.values()):
            break
        int8 = _quantized(fp32, train, way)
        made[way] = accuracy_of(int8, val, labels), int8
    best = max(made, key=lambda way: made[way][0])
    return Int8Network(
        fp32_accuracy=exact,
        int8_accuracy=made[best][0],
        fp32_bytes=len(fp32),
        int8_bytes=len(made[best][1]),
        onnx=made[best][1],
        way=best,
        tried=tuple((way, accuracy) for way, (accuracy, _) in made.items()),
    )


def check_int8(task: str) -> None:
    """Raise OptionError where networks for `task` cannot be judged in 8 bits here."""
    if task != "classification":
        raise OptionError(f"int8: networks in 8 bits are checked for classes, not for {task}")
    missing = [package for package in EXTRA if find_spec(package) is None]
    if missing:
        raise OptionError(
            f"int8: {' and '.join(missing)} not installed, with which networks are quantised: "
            "pip install 'reuse-nas[onnx]'"
        )


def _prepared(images: Images, count: int | None, fidelity: Fidelity, data: ImageData) -> Tensor:
    """(B, C, H, W) normalised images."""
    pixels = resized(images.first(count).pixels, fidelity.resolution)
    return Normalizer(data.mean, data.std, pixels.device)(pixels)


def _quantized(fp32: bytes, images: Tensor, way: Way) -> bytes:
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    method = CalibrationMethod.MinMax
    if way in ("percentile", "partial"):
        method = CalibrationMethod.Percentile
    with tempfile.TemporaryDirectory() as name, _quiet():
        plain, inferred, quantized = (Path(name) / f"{step}.onnx" for step in "abc")
        plain.write_bytes(fp32)
        quant_pre_process(plain, inferred, skip_symbolic_shape=True)
        graph = onnx.load(inferred)
        ends = _name_nodes(graph)
        quantize_static(
            graph,
            quantized,
            _reader(images),
            quant_format=QuantFormat.QOperator,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=method,
            nodes_to_exclude=ends if way == "partial" else [],
            extra_options={"CalibPercentile": 99.99}
            if method == CalibrationMethod.Percentile
            else {},
        )
        return compact(onnx.load(quantized))


def _name_nodes(model: Any) -> list[str]:
    """Name every node; returns the first and the last layer."""
    for number, node in enumerate(model.graph.node):
        node.name = f"n{number}"
    kinds = ("Conv", "Gemm", "MatMul")
    layers = [node.name for node in model.graph.node if node.op_type in kinds]
    return [layers[0], layers[-1]] if layers else []


def _reader(images: Tensor) -> Any:
    """Hands out one calibration image at a time."""
    from onnxruntime.quantization.calibrate import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._images = iter(torch.split(images, 1))

        def get_next(self) -> dict[str, Any] | None:
            image = next(self._images, None)
            return None if image is None else {"images": image.numpy()}

    return Reader()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what ONNX Runtime prints, logs, and warns of where a map is zero everywhere."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(StringIO()), np.errstate(invalid="ignore"):
            yield
    finally:
        logging.disable(before)
