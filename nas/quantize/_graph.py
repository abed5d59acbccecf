"""ONNX graphs made fit for deployment: any batch size, and no bytes that nobody reads."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from nas.latency import export_onnx

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx
    from torch import nn

BATCH = "batch"
"""Name of the free dimension."""


def network_onnx(model: nn.Module, input_shape: tuple[int, int, int]) -> bytes:
    """`model` in ONNX form for any number of images of `input_shape` (C, H, W).

    Input `images`, output `logits`, opset `OPSET`. Traced for one image, which leaves no
    operators that work out shapes; then every reshape is told to find the first dimension itself.
    BatchNorms are folded into convolutions unless the file is smaller with both: where kernels
    are applied several times. ONNX Runtime folds them when it loads the file. Such a norm is a
    scale and a shift, as `stored_bytes` counts it: its statistics are multiplied into them.
    """
    import onnx

    made = []
    for fold in (True, False):
        graph = onnx.load_from_string(export_onnx(model.eval(), input_shape, fold=fold))
        free_batch(graph)
        settle_norms(graph)
        made.append(compact(graph))
    return min(made, key=len)


def free_batch(model: onnx.ModelProto) -> None:
    """Let the first dimension of the input and output be anything."""
    from onnx import numpy_helper

    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    shapes = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    held = [one for one in model.graph.initializer if one.name in shapes]
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output[0] in shapes:
            held.append(node.attribute[0].t)
    for tensor in held:
        wanted = numpy_helper.to_array(tensor).copy()
        if -1 not in wanted[1:]:
            wanted[0] = -1
        tensor.CopyFrom(numpy_helper.from_array(wanted, tensor.name))
    del model.graph.value_info[:]


def settle_norms(model: onnx.ModelProto) -> None:
    """Multiply the statistics of every BatchNorm into its scale and shift.

    Zeros and ones take their place, which are the same for all norms of a width.
    """
    from onnx import numpy_helper

    held = {one.name: one for one in model.graph.initializer}
    for number, node in enumerate(model.graph.node):
        names = node.input[1:5]
        if node.op_type != "BatchNormalization" or not all(name in held for name in names):
            continue
        scale, shift, mean, variance = (
            numpy_helper.to_array(held[name]).astype("float64") for name in names
        )
        (epsilon,) = (one for one in node.attribute if one.name == "epsilon")
        scale = scale / (variance + epsilon.f) ** 0.5
        settled = (scale, shift - mean * scale, abs(0 * mean), 0 * variance + 1)
        epsilon.f = 0.0
        for place, values in enumerate(settled, 1):
            node.input[place] = f"norm.{number}.{place}"  # as no head is called
            tensor = numpy_helper.from_array(values.astype("float32"), node.input[place])
            model.graph.initializer.append(tensor)
    read = {name for node in model.graph.node for name in node.input}
    kept = [type(one).FromString(one.SerializeToString()) for one in held.values()]
    added = [one for one in model.graph.initializer if one.name not in held]
    added = [type(one).FromString(one.SerializeToString()) for one in added]
    del model.graph.initializer[:]
    model.graph.initializer.extend(one for one in (*kept, *added) if one.name in read)


def compact(model: onnx.ModelProto) -> bytes:
    """The graph's bytes without names of nodes, notes and equal constants; same results."""
    graph = model.graph
    _merge_equal(graph)
    kept = {value.name for value in (*graph.input, *graph.output)}
    names = _Names(kept)
    for held in graph.initializer:
        held.name = names.short(held.name)
        held.doc_string = ""
    for node in graph.node:
        node.ClearField("name")
        node.ClearField("doc_string")
        _rename(node.input, names)
        _rename(node.output, names)
    used = {node.domain for node in graph.node} | {""}
    kept_domains = [one for one in model.opset_import if one.domain in used]
    domains = [type(one).FromString(one.SerializeToString()) for one in kept_domains]
    del model.opset_import[:]
    model.opset_import.extend(domains)
    del graph.value_info[:]
    del graph.quantization_annotation[:]
    del model.metadata_props[:]
    graph.ClearField("doc_string")
    return bytes(model.SerializeToString())


def _rename(names: Iterable[str], table: _Names) -> None:
    short = [table.short(name) for name in names]
    names[:] = short  # type: ignore[index]


def _merge_equal(graph: onnx.GraphProto) -> None:
    """Keep one of several equal constants: scales and zero points repeat a lot."""
    first: dict[bytes, str] = {}
    same: dict[str, str] = {}
    kept = []
    for held in graph.initializer:
        name = held.name
        held.name = ""
        known = first.setdefault(held.SerializeToString(), name)
        held.name = name
        same[name] = known
        if known == name:
            kept.append(held)
    for node in graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]
    unique = [type(held).FromString(held.SerializeToString()) for held in kept]
    del graph.initializer[:]
    graph.initializer.extend(unique)


class _Names:
    """Short names, given in order of first use; those that people use stay."""

    def __init__(self, kept: set[str]) -> None:
        self._given = {name: name for name in kept} | {"": ""}
        self._free = (name for name in map("{:x}".format, count()) if name not in kept)

    def short(self, name: str) -> str:
        """A name of a letter or two that nothing else has."""
        if name not in self._given:
            self._given[name] = next(self._free)
        return self._given[name]
