"""The network in the forms that other programs run: ONNX in fp32 and int8, torch.export."""

from __future__ import annotations

import ast
import io
import warnings
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch

from nas.errors import NasError, OptionError, UserError
from nas.export._tflite import convert_tflite
from nas.model import joined, save_weights
from nas.quantize import (
    network_onnx,
    open_session,
    quantize_int8,
    run_onnx,
    seen_images,
    train_aware,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nas.data import ImageData
    from nas.export._tflite import TfliteNetwork
    from nas.quantize import Int8Network, SeenImages
    from nas.trial import Fidelity

BATCHES = (1, 3)
"""Numbers of images with which every form is compared with PyTorch."""
TOLERANCE = 1e-4
"""Of the largest logit: ONNX Runtime adds in another order than PyTorch."""
NO_ONNX = "onnx and onnxruntime are not installed: pip install 'reuse-nas[onnx]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A network's forms, and why one of them is missing."""

    onnx: bytes | None
    int8: Int8Network | None
    program: bytes | None
    """Of `torch.export`."""
    tflite: TfliteNetwork | None = None
    remarks: tuple[str, ...] = ()
    """One sentence for each form that is missing or that a user must be warned of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantisation:
    """What 8 bits need, and what is wanted of them."""

    data: ImageData
    """Ranges come from training images, accuracy from validation images."""
    fidelity: Fidelity
    """Which of those images."""
    qat_epochs: int = 0
    """Of training with quantisation in the loop first."""
    tflite: bool = False
    """Write .tflite too."""


def deploy_forms(
    model: nn.Module,
    input_shape: tuple[int, int, int],
    *,
    quantisation: Quantisation | None,
    source: str,
) -> Deployed:
    """Make every form that can be made, and compare each with `model`, which has no rings.

    Args:
        model: (B, C, H, W) -> (B, K), in evaluation mode.
        input_shape: (C, H, W).
        quantisation: For the forms in 8 bits; there are none without.
        source: The network as a file of code.

    Raises NasError where a form computes something else, OptionError where there is no converter.
    """
    remarks: list[str] = []
    onnx, int8, tflite = None, None, None
    aware, seen = _aware(model, quantisation), _seen(model, quantisation)
    if find_spec("onnx") is None or find_spec("onnxruntime") is None:
        remarks.append(f"no ONNX files: {NO_ONNX}")
    else:
        onnx = _checked_onnx(model, input_shape)
        if quantisation is None:
            remarks.append("no int8 file: it needs training images to find ranges from")
        elif (task := quantisation.data.options.task) != "classification":
            remarks.append(f"no int8 file: it is checked for classes, not for {task}")
        else:
            int8 = _int8(model, aware, quantisation, seen, remarks)
    if quantisation is not None and quantisation.tflite:
        tflite = _tflite(model, aware, source, quantisation, seen)
        remarks += tflite.remarks
    return Deployed(
        onnx=onnx,
        int8=int8,
        program=_program(model, input_shape),
        tflite=tflite,
        remarks=tuple(remarks),
    )


def _aware(model: nn.Module, wanted: Quantisation | None) -> nn.Module | None:
    if wanted is None or not wanted.qat_epochs:
        return None
    return train_aware(model, wanted.data, wanted.fidelity, epochs=wanted.qat_epochs)


def _seen(model: nn.Module, wanted: Quantisation | None) -> SeenImages | None:
    """Images for all forms in 8 bits; None where there are no such forms."""
    if wanted is None or wanted.data.options.task != "classification":
        return None
    return seen_images(model, wanted.data, wanted.fidelity)


def _tflite(
    model: nn.Module,
    aware: nn.Module | None,
    source: str,
    wanted: Quantisation,
    seen: SeenImages | None,
) -> TfliteNetwork:
    if seen is None:
        task = wanted.data.options.task
        raise OptionError(f"`tflite` is checked for classes, not for {task}")
    made = convert_tflite(
        source,
        first_class(source),
        model,
        save_weights(aware or model),
        calibration=seen.calibration,
        validation=(seen.validation, seen.labels),
    )
    return replace(made, aware=aware is not None)


def first_class(source: str) -> str:
    """The name of the network in an emitted file."""
    return next(node.name for node in ast.parse(source).body if isinstance(node, ast.ClassDef))


def _int8(
    model: nn.Module,
    aware: nn.Module | None,
    wanted: Quantisation,
    seen: SeenImages | None,
    remarks: list[str],
) -> Int8Network | None:
    try:
        made = quantize_int8(model, wanted.data, wanted.fidelity, aware=aware, seen=seen)
    except UserError as error:
        remarks.append(f"no int8 file: {error}")
        return None
    remarks += made.remarks
    return made


def _checked_onnx(model: nn.Module, input_shape: tuple[int, int, int]) -> bytes:
    content = network_onnx(model, input_shape)
    session = open_session(content)
    for count in BATCHES:
        images = _images(count, input_shape)
        with torch.inference_mode():
            exact = joined(model(images))
        worst = float((run_onnx(session, images) - exact).abs().max())
        if not worst <= TOLERANCE * max(1.0, float(exact.abs().max())):
            raise NasError(f"the ONNX file differs from the network by {worst:g}")
    return content


def _program(model: nn.Module, input_shape: tuple[int, int, int]) -> bytes:
    """`torch.export` of the network for any batch, without traces of this machine's files."""
    batch = torch.export.Dim("batch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(
            model, (_images(2, input_shape),), dynamic_shapes=({0: batch},)
        )
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)
        file = io.BytesIO()
        torch.export.save(program, file)
    for count in BATCHES:
        images = _images(count, input_shape)
        with torch.inference_mode():
            if not torch.equal(joined(program.module()(images)), joined(model(images))):
                raise NasError("the program of torch.export differs from the network")
    return file.getvalue()


def _images(count: int, input_shape: tuple[int, int, int]) -> Tensor:
    return torch.randn((count, *input_shape), generator=torch.Generator().manual_seed(count))
