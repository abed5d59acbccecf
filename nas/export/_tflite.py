"""int8 .tflite for microcontrollers: made and run by Google's own tools, in their own process.

The converter (litert-torch, ai-edge-quantizer) and tflite-micro's interpreter need another torch
than we do, so they live in an environment of their own and are handed files.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nas.errors import NasError, OptionError
from nas.units import human_bytes

if TYPE_CHECKING:
    from torch import Tensor, nn

ENVIRONMENT = Path("~/.cache/nas/tflite")
PYTHON_VARIABLE = "NAS_TFLITE_PYTHON"
"""Names another interpreter that has the packages."""
VALIDATION_IMAGES = 500
"""Its reference kernels are slow."""
TOLERATED_LOSS = 0.01
"""Of accuracy."""
_SETUP = Path(__file__).with_name("tflite_setup.txt")
_CONVERT = Path(__file__).with_name("_tflite_convert.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class TfliteNetwork:
    """A network as tflite-micro runs it."""

    content: bytes
    """Of the .tflite file: int8 images (1, H, W, C) -> int8 logits (1, K)."""
    arena_bytes: int
    """Working memory that tflite-micro used on this machine. Half of it may be its own records,
    which hold 64-bit addresses here; a microcontroller's are smaller."""
    accuracy: float
    """By tflite-micro, in [0, 1]."""
    fp32_accuracy: float
    """Of the network in PyTorch, on the same images."""
    images: int
    input_scale: float
    input_zero_point: int
    output_scale: float
    output_zero_point: int
    packages: dict[str, str]
    aware: bool = False
    """Whether it was trained with quantisation in the loop first."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a user must know before taking the file."""
        lost = self.fp32_accuracy - self.accuracy
        if lost <= TOLERATED_LOSS:
            return ()
        return (
            f"the .tflite file loses {100 * lost:.1f} points (fp32 "
            f"{100 * self.fp32_accuracy:.2f} %, int8 {100 * self.accuracy:.2f} % of "
            f"{self.images} validation images)"
            + ("" if self.aware else "; try an export with `qat` 5"),
        )

    def facts(self) -> dict[str, Any]:
        """JSON-ready, without the file itself."""
        return {
            "bytes": len(self.content),
            "arena_bytes": self.arena_bytes,
            "accuracy": self.accuracy,
            "fp32_accuracy": self.fp32_accuracy,
            "images": self.images,
            "input": {"scale": self.input_scale, "zero_point": self.input_zero_point},
            "output": {"scale": self.output_scale, "zero_point": self.output_zero_point},
            "packages": self.packages,
        }

    def c_source(self, name: str) -> str:
        """The file as a C array, with the arena that it needs and the scales of its ends."""
        constants: dict[str, dict[str, object]] = {
            "size_t": {"bytes": len(self.content), "arena_bytes": self.arena_bytes},
            "float": {
                "input_scale": f"{self.input_scale:.9g}f",
                "output_scale": f"{self.output_scale:.9g}f",
            },
            "int": {
                "input_zero_point": self.input_zero_point,
                "output_zero_point": self.output_zero_point,
            },
        }
        known = [
            (f"const {kind} {name}_{what}", value)
            for kind, items in constants.items()
            for what, value in items.items()
        ]
        rows = [self.content[at : at + 20] for at in range(0, len(self.content), 20)]
        body = ",\n  ".join(", ".join(map(str, row)) for row in rows)
        declared = "\n".join(f"extern {what};" for what, _ in known)
        defined = "\n".join(f"{what} = {value};" for what, value in known)
        return (
            f"// {human_bytes(len(self.content))} of int8. A value is scale * (q - zero_point).\n"
            "#include <stdalign.h>\n#include <stddef.h>\n\n"
            '#ifdef __cplusplus\nextern "C" {\n#endif\n\n'
            f"{declared}\nextern const unsigned char {name}[];\n\n{defined}\n"
            f"alignas(16) const unsigned char {name}[] = {{\n  {body}\n}};\n\n"
            "#ifdef __cplusplus\n}\n#endif\n"
        )


def find_converter() -> Path:
    """The interpreter that has the converter. Raises OptionError that says how to get one."""
    named = os.environ.get(PYTHON_VARIABLE)
    python = Path(named) if named else ENVIRONMENT.expanduser() / "bin" / "python"
    if not python.is_file():
        where = f"{PYTHON_VARIABLE}={named}" if named else str(python)
        raise OptionError(
            f"`tflite`: no converter ({where} is missing). It needs an environment of its own: "
            f"python3 -m venv {ENVIRONMENT} && {ENVIRONMENT}/bin/pip install -r {_SETUP}"
        )
    return python


def convert_tflite(
    source: str,
    class_name: str,
    model: nn.Module,
    weights: bytes,
    *,
    calibration: Tensor,
    validation: tuple[Tensor, Tensor],
) -> TfliteNetwork:
    """Quantise a network to an int8 .tflite file and run it.

    Args:
        source: The network as an emitted file, without rings.
        class_name: Of the network in it.
        model: The same network, in evaluation mode.
        weights: Its state as safetensors bytes.
        calibration: (B, C, H, W) normalised images, from which ranges come.
        validation: Such images, of which at most `VALIDATION_IMAGES` are taken, and their classes.

    Raises OptionError where there is no converter, NasError where it fails.
    """
    python = find_converter()
    images, labels = (part[:VALIDATION_IMAGES] for part in validation)
    with torch.inference_mode():
        exact = model(images).argmax(1)
    with tempfile.TemporaryDirectory(prefix="nas-tflite-") as name:
        folder = Path(name)
        (folder / "job.json").write_text(json.dumps({"class_name": class_name}))
        (folder / "network.py").write_text(source)
        (folder / "network.safetensors").write_bytes(weights)
        np.save(folder / "calibration.npy", calibration.numpy())
        np.save(folder / "validation.npy", images.numpy())
        _run(python, folder)
        logits = torch.from_numpy(np.load(folder / "logits.npy"))
        result = json.loads((folder / "result.json").read_text())
        content = (folder / "model.tflite").read_bytes()
    return TfliteNetwork(
        content=content,
        arena_bytes=result["arena_bytes"],
        accuracy=float((logits.argmax(1) == labels).float().mean()),
        fp32_accuracy=float((exact == labels).float().mean()),
        images=len(labels),
        input_scale=result["input"]["scale"],
        input_zero_point=result["input"]["zero_point"],
        output_scale=result["output"]["scale"],
        output_zero_point=result["output"]["zero_point"],
        packages=result["packages"],
    )


def _run(python: Path, folder: Path) -> None:
    own = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [str(python), "-I", str(_CONVERT), str(folder)],
        env=own | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise NasError(f"the converter to .tflite failed with status {done.returncode}:\n{said}")
