"""The network in the forms that other programs run: ONNX in fp32 and int8, torch.export."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch

from nas.errors import NasError, UserError
from nas.quantize import network_onnx, open_session, quantize_int8, run_onnx

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nas.data import ImageData
    from nas.quantize import Int8Network
    from nas.trial import Fidelity

BATCHES = (1, 3)
"""Numbers of images with which every form is compared with PyTorch."""
TOLERANCE = 1e-4
"""Of the largest logit: ONNX Runtime adds in another order than PyTorch."""
NO_ONNX = "onnx and onnxruntime are not installed: pip install 'reuse-nas[latency]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A network's forms, and why one of them is missing."""

    onnx: bytes | None
    int8: Int8Network | None
    program: bytes | None
    """Of `torch.export`."""
    remarks: tuple[str, ...]
    """One sentence for each form that is missing or that a user must be warned of."""


def deploy_forms(
    model: nn.Module,
    input_shape: tuple[int, int, int],
    *,
    data: ImageData | None,
    fidelity: Fidelity | None,
) -> Deployed:
    """Make every form that can be made, and compare each with `model`, which has no rings.

    Args:
        model: (B, C, H, W) -> (B, K), in evaluation mode.
        input_shape: (C, H, W).
        data: For the int8 form: ranges from training images, accuracy on validation images.
        fidelity: Which of those images.

    Raises NasError where a form computes something else.
    """
    remarks: list[str] = []
    onnx = int8 = None
    if find_spec("onnx") is None or find_spec("onnxruntime") is None:
        remarks.append(f"no ONNX files: {NO_ONNX}")
    else:
        onnx = _checked_onnx(model, input_shape)
        if data is None or fidelity is None:
            remarks.append("no int8 file: it needs training images to find ranges from")
        elif data.options.task != "classification":
            remarks.append(f"no int8 file: it is checked for classes, not for {data.options.task}")
        else:
            int8 = _int8(model, data, fidelity, remarks)
    return Deployed(
        onnx=onnx, int8=int8, program=_program(model, input_shape), remarks=tuple(remarks)
    )


def _int8(
    model: nn.Module, data: ImageData, fidelity: Fidelity, remarks: list[str]
) -> Int8Network | None:
    try:
        made = quantize_int8(model, data, fidelity)
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
            exact = model(images)
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
            if not torch.equal(program.module()(images), model(images)):
                raise NasError("the program of torch.export differs from the network")
    return file.getvalue()


def _images(count: int, input_shape: tuple[int, int, int]) -> Tensor:
    return torch.randn((count, *input_shape), generator=torch.Generator().manual_seed(count))
