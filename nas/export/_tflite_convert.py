"""network.py, weights and images -> an int8 .tflite file and what tflite-micro says of it.

It is run by an interpreter of its own, whose packages collide with ours (`tflite_setup.txt`
beside this file lists them), and so imports nothing of nas:

    python _tflite_convert.py FOLDER

FOLDER holds job.json, network.py, network.safetensors, calibration.npy and validation.npy, images
(B, C, H, W) normalised. It gets model.tflite, logits.npy (B, K) and result.json.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import litert_torch
import numpy as np
import torch
from ai_edge_litert.tools import flatbuffer_utils
from ai_edge_quantizer import calibrator, quantizer, recipe, recipe_manager
from ai_edge_quantizer.utils import qsv_utils
from safetensors.torch import load_model
from tflite_micro.python.tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.tools import tflite_flatbuffer_align_wrapper

ARENA_BYTES = 64 << 20
"""More than any network of ours needs; what is used of it is reported."""
PACKAGES = ("litert-torch", "ai-edge-quantizer", "tflite-micro", "torch")


def main(folder: Path) -> None:
    """Convert, quantise, strip, run."""
    job = json.loads((folder / "job.json").read_text())
    calibration = _channels_last(np.load(folder / "calibration.npy"))
    network = _network(folder, job["class_name"])
    _norms_as_convolutions(network, calibration[:1])
    _convert(network, calibration[:1], folder / "fp32.tflite")
    _quantize(folder / "fp32.tflite", calibration, folder / "int8.tflite")
    _strip(folder / "int8.tflite", folder / "model.tflite")
    images = _channels_last(np.load(folder / "validation.npy"))
    logits, result = _run((folder / "model.tflite").read_bytes(), images)
    np.save(folder / "logits.npy", logits)
    result["packages"] = {name: metadata.version(name) for name in PACKAGES}
    (folder / "result.json").write_text(json.dumps(result))


def _network(folder: Path, class_name: str) -> torch.nn.Module:
    spec = importlib.util.spec_from_file_location("network", folder / "network.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model: torch.nn.Module = getattr(module, class_name)()
    load_model(model, str(folder / "network.safetensors"))
    return model.eval()


def _norms_as_convolutions(model: torch.nn.Module, image: Any) -> None:
    """BatchNorms behind anything but a convolution become 1x1 convolutions by channel.

    The converter takes the others into the convolutions before them. These it would write as a
    difference, two products and a sum, of which each rounds to 8 bits for all channels alike.
    """
    norms = {
        one: name for name, one in model.named_modules() if isinstance(one, torch.nn.BatchNorm2d)
    }
    alone: set[torch.nn.BatchNorm2d] = set()

    def look(module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        made_by = inputs[0].grad_fn
        if made_by is None or "Convolution" not in made_by.name():
            alone.add(module)

    hooks = [norm.register_forward_pre_hook(look) for norm in norms]
    with torch.enable_grad():
        model(torch.from_numpy(image.transpose(0, 3, 1, 2)).requires_grad_())
    for hook in hooks:
        hook.remove()
    for norm in alone:
        parent, _, name = norms[norm].rpartition(".")
        setattr(model.get_submodule(parent), name, _as_convolution(norm))


def _as_convolution(norm: torch.nn.BatchNorm2d) -> torch.nn.Conv2d:
    channels = norm.num_features
    made = torch.nn.Conv2d(channels, channels, 1, groups=channels).eval()
    assert norm.running_var is not None
    assert norm.running_mean is not None
    assert made.bias is not None
    with torch.no_grad():
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        made.weight.copy_(scale.view(-1, 1, 1, 1))
        made.bias.copy_(norm.bias - norm.running_mean * scale)
    return made


def _channels_last(images: Any) -> Any:
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)).astype(np.float32)


def _convert(model: torch.nn.Module, image: Any, out: Path) -> None:
    """With images (1, H, W, C), as cameras and microcontrollers have them."""
    outside = litert_torch.to_channel_last_io(model, args=[0])
    litert_torch.convert(outside.eval(), (torch.from_numpy(image),)).export(str(out))


def _quantize(fp32: Path, images: Any, out: Path) -> None:
    """With ranges that hold every value seen; by default they would be averages over images."""
    wanted = recipe.static_wi8_ai8()
    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(wanted)
    ranges = calibrator.Calibrator(str(fp32), qsv_update_func=qsv_utils.min_max_update)
    samples = [{"args_0": image[None]} for image in images]
    ranges.calibrate({"serving_default": samples}, manager)
    made = quantizer.Quantizer(str(fp32), wanted).quantize(ranges.get_model_qsvs())
    out.write_bytes(bytes(made.quantized_model))


def _strip(path: Path, out: Path) -> None:
    """Without names, notes and equal constants; then aligned as C++ needs it."""
    model = flatbuffer_utils.read_model(str(path))
    flatbuffer_utils.strip_strings(model)
    model.metadata = None
    first: dict[bytes, int] = {}
    held = [bytes(one.data) if one.data is not None else b"" for one in model.buffers]
    for tensor in model.subgraphs[0].tensors:
        if content := held[tensor.buffer]:
            tensor.buffer = first.setdefault(content, tensor.buffer)
        if tensor.quantization is not None:
            tensor.quantization.min = tensor.quantization.max = None
    used = {tensor.buffer for tensor in model.subgraphs[0].tensors}
    for number, buffer in enumerate(model.buffers):
        if number not in used:
            buffer.data = None
    flatbuffer_utils.write_model(model, str(out))
    tflite_flatbuffer_align_wrapper.align_tflite_model(str(out), str(out))


def _run(content: bytes, images: Any) -> tuple[Any, dict[str, Any]]:
    """Logits of every image, and the arena and scales."""
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA_BYTES)
    entry, exit_ = interpreter.get_input_details(0), interpreter.get_output_details(0)
    scale, zero = _quantization(entry)
    out_scale, out_zero = _quantization(exit_)
    logits = []
    for image in images:
        whole = np.round(image[None] / scale) + zero
        interpreter.set_input(np.clip(whole, -128, 127).astype(np.int8), 0)
        interpreter.invoke()
        logits.append((interpreter.get_output(0).astype(np.float32) - out_zero) * out_scale)
    result = {
        "arena_bytes": _arena_bytes(interpreter),
        "input": {"scale": scale, "zero_point": zero, "shape": entry["shape"].tolist()},
        "output": {"scale": out_scale, "zero_point": out_zero, "shape": exit_["shape"].tolist()},
    }
    return np.concatenate(logits), result


def _quantization(details: dict[str, Any]) -> tuple[float, int]:
    held = details["quantization_parameters"]
    return float(held["scales"][0]), int(held["zero_points"][0])


def _arena_bytes(interpreter: Any) -> int:
    """What the interpreter prints, in C++, on standard error."""
    with tempfile.TemporaryFile() as file:
        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            interpreter.print_allocations()
        finally:
            os.dup2(before, 2)
            os.close(before)
        file.seek(0)
        said = file.read().decode()
    found = re.search(r"Arena allocation total (\d+) bytes", said)
    if found is None:
        raise RuntimeError(f"tflite-micro does not say how large its arena is: {said[:500]}")
    return int(found[1])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
