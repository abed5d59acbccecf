"""What goes with an exported network: a model card for people, a record for programs."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from nas.export._answers import ANSWERS
from nas.quantize import OPSET
from nas.units import human_bytes, human_count

if TYPE_CHECKING:
    from nas.arch import Architecture
    from nas.export._answers import Answer
    from nas.export._deploy import Deployed
    from nas.export._emit import Provenance
    from nas.export._inputs import Inputs
    from nas.trial import Cost

FORMAT = 1
"""Of the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How good the network is, and how that is known."""

    dataset: str
    accuracy: float
    """In [0, 1]; the mean where there are several seeds."""
    metric: str = "accuracy"
    """What `accuracy` holds: the metric of the task."""
    split: Literal["validation", "test"]
    images: int
    """On which accuracy was measured."""
    training: Literal["proxy", "full"]
    trained: str
    """The training in words."""
    seeds: int = 1
    deviation: float | None = None
    """Standard deviation over seeds."""
    latency_ms: float | None = None
    latency_low_ms: float | None = None
    latency_high_ms: float | None = None
    latency_device: str | None = None

    def standard_error(self, task: str) -> float | None:
        """Of a classifier's accuracy, from the number of images alone; None of other scores."""
        if (task, self.metric) != ("classification", "accuracy"):
            return None
        return math.sqrt(self.accuracy * (1 - self.accuracy) / max(self.images, 1))


def record_of(
    arch: Architecture,
    *,
    cost: Cost,
    input_shape: tuple[int, int, int],
    inputs: Inputs,
    evidence: Evidence,
    provenance: Provenance,
    deployed: Deployed,
) -> dict[str, Any]:
    """Everything about an export that a program may want, ready for JSON."""
    int8 = deployed.int8
    names = ", ".join(name for name, _, _ in arch.head.outputs) or "logits"
    return {
        "format": FORMAT,
        "name": arch.name,
        "id": arch.id,
        "input_shape": list(input_shape),
        "inputs": asdict(inputs),
        "program": inputs.is_picture(input_shape),
        "cost": {name: value for name, value in asdict(cost).items() if value is not None},
        "evidence": asdict(evidence) | {"standard_error": evidence.standard_error(inputs.task)},
        "claim": provenance.claim,
        "origin": provenance.origin,
        "preprocessing": provenance.preprocessing,
        "onnx": {"opset": OPSET, "input": "images", "output": names, "batch": "any"}
        if deployed.onnx
        else None,
        "int8": None
        if int8 is None
        else {
            "accuracy": int8.int8_accuracy,
            "fp32_accuracy": int8.fp32_accuracy,
            "bytes": int8.int8_bytes,
            "fp32_bytes": int8.fp32_bytes,
            "way": int8.way,
        },
        "tflite": deployed.tflite.facts() if deployed.tflite else None,
        "remarks": list(deployed.remarks),
    }


def card_of(
    record: dict[str, Any], sizes: dict[str, int], summary: str, *, several_heads: bool = False
) -> str:
    """The record as a model card in Markdown; `sizes` are the files' in bytes."""
    stem = next(name for name in sizes if name.endswith(".py")).removesuffix(".py")
    inputs = record["inputs"]
    answer, values = ANSWERS[inputs["task"]], "pixels, 0 to 255" if inputs["bounded"] else "values"
    first, outputs = "", "model(preprocess(images))"
    if several_heads:
        first, outputs = "import torch\n\n", f"torch.cat({outputs}, 1)"
    sections = [
        f"# {record['name']}, architecture {record['id']}",
        f"`{summary}`",
        _accuracy(record["evidence"], answer),
        _remarks(record["remarks"]),
        f"## Use\n\n```python\n{first}"
        f"from {stem} import CLASS_NAMES, load, preprocess\n\n"
        "model = load()  # the weights are found beside the file\n"
        f"images = ...  # (B, {', '.join(map(str, record['input_shape']))}) {values}\n"
        f"{answer.use.replace('OUTPUTS', outputs)}\n```",
        "## Costs\n\n" + _table(_costs(record)),
        "## Files\n\n" + _table(_files(record, sizes, stem)),
        "## Where it comes from\n\n"
        f"{record['origin']} Data: {record['evidence']['dataset']}, "
        f"{len(inputs['class_names'])} {answer.units}.",
    ]
    return "\n\n".join(part for part in sections if part) + "\n"


def _accuracy(evidence: dict[str, Any], answer: Answer) -> str:
    metric = evidence["metric"].replace("_", " ")
    score = answer.accuracy if metric == "accuracy" else metric
    parts = []
    if evidence["deviation"] is not None:
        deviation = 100 * evidence["deviation"]
        parts.append(f"standard deviation {deviation:.2f} over {evidence['seeds']} seeds")
    if evidence["standard_error"] is not None:
        parts.append(f"standard error {100 * evidence['standard_error']:.2f}")
    spread = f"{', '.join(parts) or 'measured'} from {evidence['images']:,} images"
    line = (
        f"**{100 * evidence['accuracy']:.2f} %** {evidence['split']} "
        f"{score} on {evidence['dataset']} ({spread}) after {evidence['trained']}."
    )
    if evidence["training"] == "proxy":
        line += (
            " This is a **proxy** figure: the network was trained briefly to be ranked. Do not "
            "compare it with published ones; train it in full before use."
        )
    return line


def _remarks(remarks: list[str]) -> str:
    return "\n".join(f"> **Note:** {remark}." for remark in remarks)


def _costs(record: dict[str, Any]) -> list[tuple[str, str]]:
    cost, evidence, int8 = record["cost"], record["evidence"], record["int8"]
    rows = [
        ("parameters", f"{cost['params']:,}"),
        ("of these in rings", f"{cost['ring_params']:,}"),
        ("fixed kernel weights", f"{cost['frozen_params']:,}"),
        ("multiply-accumulates", f"{cost['macs']:,} ({human_count(cost['macs'])})"),
        ("peak activations, fp32", human_bytes(cost["peak_activation_bytes"])),
    ]
    if evidence["latency_ms"] is not None:
        rows.append(
            (
                "latency, one image",
                f"{evidence['latency_ms']:.3g} ms ({evidence['latency_low_ms']:.3g} to "
                f"{evidence['latency_high_ms']:.3g}) on {evidence['latency_device']}",
            )
        )
    if int8 is not None:
        both = (100 * int8["accuracy"], 100 * int8["fp32_accuracy"])
        words = "{:.2f} % validation (fp32 {:.2f} % on the same images)".format(*both)
        if int8["way"] == "aware":
            words += ", trained with rounding in the loop first"
        rows.append(("accuracy in int8", words))
    if (tflite := record["tflite"]) is not None:
        ours, exact = 100 * tflite["accuracy"], 100 * tflite["fp32_accuracy"]
        rows += [
            ("flash, .tflite", human_bytes(tflite["bytes"])),
            ("RAM, tflite-micro's arena on a 64-bit machine", human_bytes(tflite["arena_bytes"])),
            (
                "accuracy by tflite-micro",
                f"{ours:.2f} % (fp32 {exact:.2f} %) of {tflite['images']:,} validation images",
            ),
        ]
    return [row for row in rows if row[1] != "0"]


_MEANINGS = {
    ".py": "the network, its preprocessing and `load()`",
    ".safetensors": "trained weights",
    ".yaml": "the model file, for `nas cost`, `nas show`, `nas train`",
    ".onnx": "ONNX, fp32, any batch, input `images`, OUTPUTS",
    ".int8.onnx": "ONNX, int8 kernels by channel, any batch",
    ".tflite": "int8 for microcontrollers: (1, H, W, C) in, logits out",
    ".cc": "the same file as a C array, with its arena and scales",
    ".pt2": "`torch.export` program: `torch.export.load(FILE).module()`",
}


def _files(record: dict[str, Any], sizes: dict[str, int], stem: str) -> list[tuple[str, str]]:
    meanings = dict(_MEANINGS)
    if (onnx := record["onnx"]) is not None:
        meanings[".onnx"] = meanings[".onnx"].replace("OUTPUTS", _outputs(onnx["output"]))
    if record["program"]:
        answer = ANSWERS[record["inputs"]["task"]]
        meanings[".py"] += f"; `python FILE IMAGE...` {answer.does}"
    suffixes = {name: name.removeprefix(stem) for name in sizes}
    return [
        (f"`{name}`", f"{meanings[suffix]} ({human_bytes(sizes[name])})")
        for name, suffix in suffixes.items()
        if suffix in meanings
    ]


def _outputs(names: str) -> str:
    """`logits`, or the names of several heads, as `record_of` joins them, in words."""
    listed = ", ".join(f"`{name}`" for name in names.split(", "))
    return f"outputs {listed}" if ", " in names else f"output {listed}"


def _table(rows: list[tuple[str, str]]) -> str:
    return "\n".join(
        ["| | |", "| --- | --- |", *(f"| {left} | {right} |" for left, right in rows)]
    )
