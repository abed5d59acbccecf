"""A network as it would run once deployed: ONNX Runtime on a CPU, a CUDA graph on a GPU.

Eager PyTorch would mostly time its own overhead, which hides how small a small network is.
"""

from __future__ import annotations

import io
import platform
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from nas.cost import cost_of
from nas.errors import OptionError
from nas.model import build_model, instantiate, joined
from nas.sharing import materialize

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from nas.arch import Call
    from nas.latency._record import DeviceKind, Workload

EXTRA = ("onnx", "onnxruntime")
OPSET = 17
SETTLING_IMAGES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A network ready to run, one image at a time."""

    run: Callable[[], object]
    """Runs once on a fixed image and returns when the logits are there."""
    logits: Callable[[Tensor], Tensor]
    """(1, C, H, W) image -> (1, K) logits; of several heads one behind the other."""


def deploy(workload: Workload, device: DeviceKind = "cpu") -> Deployed:
    """The network with fresh weights on `device`.

    Raises OptionError where the packages or the GPU are missing, IllegalArchitecture where there
    is no such network.
    """
    require(device)
    return _deploy(deployable(workload), workload.input_shape, device)


def deploy_part(
    call: Call, in_shape: tuple[int, int, int], device: DeviceKind = "cpu"
) -> Deployed:
    """One part of a network alone, for a feature map of `in_shape` (C, H, W); as `deploy`."""
    require(device)
    return _deploy(_settled(lambda: instantiate(call), in_shape), in_shape, device)


def _deploy(model: nn.Module, shape: tuple[int, int, int], device: DeviceKind) -> Deployed:
    image = torch.randn((1, *shape), generator=torch.Generator().manual_seed(0))
    return _on_gpu(model, image) if device == "cuda" else _in_onnxruntime(model, image)


def require(device: DeviceKind) -> None:
    """Raise OptionError unless this machine can measure on `device`."""
    if device == "cuda":
        if not torch.cuda.is_available():
            raise OptionError("`device` cuda: no CUDA device here; use cpu")
        return
    missing = [package for package in EXTRA if find_spec(package) is None]
    if missing:
        raise OptionError(
            f"latency: {' and '.join(missing)} not installed, with which networks are run as "
            "they are deployed: pip install 'reuse-nas[latency]'"
        )


def device_name(device: DeviceKind) -> str:
    """Model of the processor or GPU."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return _processor() or platform.processor() or platform.machine()


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "")


def runtime_name(device: DeviceKind) -> str:
    """What runs the networks on `device`, with its version."""
    if device == "cuda":
        return f"torch {torch.__version__} CUDA graph"
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__}"


def deployable(workload: Workload) -> nn.Module:
    """The network as it would be handed over: rings read out, BatchNorms settled, no gradients.

    Weights are fresh and always the same; latency does not ask for trained ones. Settled on
    random images, activations keep the size they have in a trained network: they do not vanish
    into denormal numbers, with which processors are slow.

    Raises IllegalArchitecture where there is no such network or the images do not suit it.
    """
    channels, classes = workload.input_shape[0], workload.num_classes
    cost_of(workload.arch, input_shape=workload.input_shape, num_classes=classes)  # or raises

    def build() -> nn.Module:
        model = build_model(workload.arch, in_channels=channels, num_classes=classes)
        materialize(model)
        return model

    return _settled(build, workload.input_shape)


def _settled(build: Callable[[], nn.Module], in_shape: tuple[int, int, int]) -> nn.Module:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = build()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        model.train()
        model(torch.randn(SETTLING_IMAGES, *in_shape))
    return model.eval().requires_grad_(False)


def export_onnx(
    model: nn.Module, input_shape: tuple[int, int, int], *, fold: bool = True
) -> bytes:
    """`model` in ONNX form for one image of `input_shape` (C, H, W), input named `images`.

    `fold` takes BatchNorms into the convolutions before them. A kernel that is applied several
    times, with a norm of its own each time, then stands in the file as often.

    By torch's older exporter: it folds BatchNorms into convolutions and takes a thirtieth of the
    newer one's time; ONNX Runtime is equally fast on what either writes.
    """
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the exporter is the older one
        torch.onnx.export(
            model,
            (torch.zeros(1, *input_shape),),
            cast(Any, file),  # which the older exporter takes and its signature does not show
            input_names=["images"],
            output_names=[*getattr(model, "output_names", ("logits",))],
            opset_version=OPSET,
            training=torch.onnx.TrainingMode.EVAL if fold else torch.onnx.TrainingMode.PRESERVE,
            dynamo=False,
        )
    return file.getvalue()


def _in_onnxruntime(model: nn.Module, image: Tensor) -> Deployed:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    shape = tuple(image.shape[1:])
    session = onnxruntime.InferenceSession(
        export_onnx(model, (shape[0], shape[1], shape[2])),
        options,
        providers=["CPUExecutionProvider"],
    )
    fixed = {"images": image.numpy()}

    def logits(images: Tensor) -> Tensor:
        made = session.run(None, {"images": images.numpy()})
        return joined(tuple(map(torch.from_numpy, made)))

    return Deployed(run=lambda: session.run(None, fixed), logits=logits)


def _on_gpu(model: nn.Module, image: Tensor) -> Deployed:
    model, held = model.cuda().to(memory_format=torch.channels_last), image.cuda()
    graph: Any = torch.cuda.CUDAGraph()
    with torch.inference_mode():
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(3):  # cuDNN chooses its algorithms before the graph is recorded
                model(held)
        torch.cuda.current_stream().wait_stream(beside)
        with torch.cuda.graph(graph):
            out = model(held)

    def run() -> None:
        graph.replay()
        torch.cuda.synchronize()

    def logits(images: Tensor) -> Tensor:
        with torch.inference_mode():
            held.copy_(images)
        run()
        return joined(out).float().cpu()

    return Deployed(run=run, logits=logits)
