"""Writes an exported network into a folder, and checks that it computes what it should."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

from nas.arch import summarize
from nas.cost import cost_of
from nas.errors import NasError
from nas.export._card import FORMAT, card_of, record_of
from nas.export._deploy import Quantisation, deploy_forms, first_class
from nas.export._emit import emit_module
from nas.export._inputs import usage_code, with_usage
from nas.export._place import digest, place_files
from nas.model import build_model, joined, load_weights, save_weights
from nas.sharing import materialize
from nas.space import dump_architecture

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from nas.arch import Architecture
    from nas.data import ImageData
    from nas.export._card import Evidence
    from nas.export._deploy import Deployed
    from nas.export._emit import Provenance
    from nas.export._inputs import Inputs
    from nas.trial import Fidelity


MAX_NAME = 80
"""Characters of a network's name in the names of its files."""
SUFFIXES = {
    "module": ".py",
    "model_file": ".yaml",
    "record": ".json",
    "weights": ".safetensors",
    "onnx": ".onnx",
    "int8": ".int8.onnx",
    "program": ".pt2",
    "tflite": ".tflite",
    "c_array": ".cc",
    "card": ".md",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The files of one exported network; None for what was not written."""

    arch_id: str
    claim: str
    """What was measured of it and how, in a sentence or two."""
    module: Path
    model_file: Path
    record: Path
    """JSON for programs, with a digest of every file."""
    weights: Path | None
    onnx: Path | None = None
    int8: Path | None = None
    program: Path | None = None
    """Of `torch.export`."""
    tflite: Path | None = None
    """int8, for tflite-micro."""
    c_array: Path | None = None
    """The same file as C source."""
    card: Path | None = None
    remarks: tuple[str, ...] = ()
    """What a user must know: forms that are missing, accuracy lost in int8."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that were written."""
        found = (getattr(self, name) for name in SUFFIXES)
        return tuple(path for path in found if path is not None)

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready form."""
        files = {name: getattr(self, name) for name in SUFFIXES}
        return {
            "id": self.arch_id,
            "claim": self.claim,
            "files": {name: str(path) for name, path in files.items() if path is not None},
            "remarks": list(self.remarks),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What turns code and weights into something that others can run and judge."""

    inputs: Inputs
    evidence: Evidence
    data: ImageData | None = None
    """For the int8 form; without data there is none."""
    fidelity: Fidelity | None = None
    """Which images of `data` the int8 form is scored on."""
    qat_epochs: int = 0
    """Of training with quantisation in the loop, for the forms in 8 bits."""
    tflite: bool = False
    """Write an int8 .tflite and its C array too; needs the converter."""

    @property
    def quantisation(self) -> Quantisation | None:
        """What the forms in 8 bits need; None where it is not there."""
        if self.data is None or self.fidelity is None:
            return None
        return Quantisation(
            data=self.data,
            fidelity=self.fidelity,
            qat_epochs=self.qat_epochs,
            tflite=self.tflite,
        )


def export_network(
    folder: Path,
    arch: Architecture,
    *,
    input_shape: tuple[int, int, int],
    num_classes: int,
    weights: bytes | None,
    provenance: Provenance,
    materialized: bool = False,
    inputs: Inputs | None = None,
    deployment: Deployment | None = None,
    force: bool = False,
) -> Exported:
    """Write a network as `NAME_ID.py`, `.yaml` and, given safetensors bytes, `.safetensors`.

    The written file is run and compared: same parameters and bit-equal logits, or NasError.

    Args:
        folder: Where to; made where it is missing.
        arch: The network.
        input_shape: (C, H, W).
        num_classes: K.
        weights: Its trained state.
        provenance: What the file says of itself.
        materialized: Write the kernels that rings generate instead of the rings.
        inputs: Class names and preprocessing, for the file to hold as code.
        deployment: Write ONNX in fp32 and int8, `torch.export` and a model card as well. It needs
            `weights`, and brings `inputs`.
        force: Replace files that were edited since they were exported.

    Raises:
        RunFolderError: the folder cannot be written, or holds edited files.
    """
    input_shape = arch.input_shape(input_shape)
    stem = _stem(arch)
    weights_file = f"{stem}.safetensors" if weights is not None else None
    provenance = replace(provenance, weights_file=weights_file)
    model: nn.Module = build_model(
        arch, in_channels=input_shape[0], num_classes=num_classes
    ).eval()
    if weights is not None:
        load_weights(model, weights)
    if materialized and arch.is_shared:
        arch, model = _without_rings(arch, model, input_shape[0], num_classes)
    source = emit_module(
        arch, input_shape=input_shape, num_classes=num_classes, provenance=provenance
    )
    _verify(source, arch, model, input_shape, num_classes)
    if (known := deployment.inputs if deployment else inputs) is not None:
        code = usage_code(
            known,
            first_class(source),
            input_shape,
            weights=weights is not None,
            several_heads=bool(arch.head.outputs),
        )
        source = with_usage(source, code)
    contents = {"module": source.encode(), "model_file": dump_architecture(arch).encode()}
    if weights is not None:
        contents["weights"] = save_weights(model)
    package = _Package(
        folder=folder, stem=stem, contents=contents, arch=arch, claim=provenance.claim
    )
    if deployment is not None:
        package.deploy(model, deployment, provenance, input_shape, num_classes)
    return package.write(force=force)


def _stem(arch: Architecture) -> str:
    """The files' name without suffix: what Python can import and C can call a variable."""
    # Cut: a file name has 255 bytes at most, suffixes included.
    stem = re.sub(r"\W", "_", f"{arch.name[:MAX_NAME]}_{arch.id}", flags=re.ASCII)
    return f"net_{stem}" if stem[0].isdigit() else stem


@dataclass(slots=True, kw_only=True)
class _Package:
    """The files of one export, before they are written."""

    folder: Path
    stem: str
    arch: Architecture
    claim: str
    contents: dict[str, bytes]
    """By kind, as in `SUFFIXES`."""
    record: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def deploy(
        self,
        model: nn.Module,
        deployment: Deployment,
        provenance: Provenance,
        input_shape: tuple[int, int, int],
        num_classes: int,
    ) -> None:
        """Add the forms that other programs run, and the card."""
        materialize(model)
        source = emit_module(
            self.arch.without_rings() if self.arch.is_shared else self.arch,
            input_shape=input_shape,
            num_classes=num_classes,
            provenance=provenance,
        )
        deployed = deploy_forms(
            model, input_shape, quantisation=deployment.quantisation, source=source
        )
        self.remarks = deployed.remarks
        self.contents |= _forms(deployed, self.stem)
        self.record = record_of(
            self.arch,
            cost=cost_of(self.arch, input_shape=input_shape, num_classes=num_classes),
            input_shape=input_shape,
            inputs=deployment.inputs,
            evidence=deployment.evidence,
            provenance=provenance,
            deployed=deployed,
        )
        sizes = {name: len(content) for name, content in self._files.items()}
        self.contents["card"] = card_of(
            self.record,
            sizes,
            summarize(self.arch),
            several_heads=bool(self.arch.head.outputs),
        ).encode()

    @property
    def _files(self) -> dict[str, bytes]:
        return {f"{self.stem}{SUFFIXES[kind]}": item for kind, item in self.contents.items()}

    def write(self, *, force: bool) -> Exported:
        """Put everything into the folder, the record with the digests last."""
        files = self._files
        head = {"format": FORMAT, "name": self.arch.name, "id": self.arch.id}
        record = head | self.record | {"files": {name: digest(files[name]) for name in files}}
        name = f"{self.stem}{SUFFIXES['record']}"
        files[name] = (json.dumps(record, indent=1) + "\n").encode()
        place_files(self.folder, files, record=name, force=force)
        paths: dict[str, Any] = {
            kind: self.folder / f"{self.stem}{SUFFIXES[kind]}" for kind in self.contents
        }
        return Exported(
            **{"weights": None} | paths,
            arch_id=self.arch.id,
            claim=self.claim,
            record=self.folder / name,
            remarks=self.remarks,
        )


def _forms(deployed: Deployed, stem: str) -> dict[str, bytes]:
    tflite = deployed.tflite
    forms = {
        "onnx": deployed.onnx,
        "int8": deployed.int8.onnx if deployed.int8 else None,
        "program": deployed.program,
        "tflite": tflite.content if tflite else None,
        "c_array": tflite.c_source(stem).encode() if tflite else None,
    }
    return {kind: content for kind, content in forms.items() if content is not None}


def _without_rings(
    arch: Architecture, model: nn.Module, in_channels: int, num_classes: int
) -> tuple[Architecture, nn.Module]:
    """The same function as an ordinary network: every layer has the kernel it read."""
    materialize(model)
    plain = arch.without_rings()
    dense = build_model(plain, in_channels=in_channels, num_classes=num_classes).eval()
    dense.load_state_dict(model.state_dict())
    return plain, dense


def _verify(
    source: str,
    arch: Architecture,
    model: nn.Module,
    input_shape: tuple[int, int, int],
    num_classes: int,
) -> None:
    namespace: dict[str, Any] = {"__name__": "exported"}
    exec(compile(source, "exported", "exec"), namespace)  # our own text, just written
    exported = namespace[first_class(source)]()
    exported.load_state_dict(model.state_dict())
    exported.eval()
    images = torch.rand((2, *input_shape), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        equal = torch.equal(joined(model(images)), joined(exported(images)))
    params = sum(p.numel() for p in exported.parameters())
    expected = cost_of(arch, input_shape=input_shape, num_classes=num_classes).params
    if not equal or params != expected:
        raise NasError(f"the exported code of {arch.id} does not match the network it came from")
