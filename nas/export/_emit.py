"""Architecture -> one readable PyTorch file that imports torch alone."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from itertools import groupby
from keyword import iskeyword
from typing import TYPE_CHECKING

from nas.arch import Call, Ref
from nas.cost import output_shapes, part_cost
from nas.export._inputs import OWN_NAMES
from nas.export._render import INDENT, WIDTH, flat, render, render_copies
from nas.export._source import collect

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from nas.arch import Architecture, Argument, RingPlan

RING_OPTIONS = {
    "even": "network",
    "permute": True,
    "signs": True,
    "block": 1,
    "gradient_factor": 1.0,
}
"""Options of `Ring` that are written only where they differ from its defaults."""

Shape = tuple[int, int, int]
Outputs = tuple[tuple[str, Shape], ...]
"""Name and shape of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What an exported file says about where its network comes from."""

    claim: str
    """What was measured and how, in one or two sentences."""
    origin: str
    """Which search, version and command made it."""
    preprocessing: str
    """What images must look like."""
    weights_file: str | None
    """Name of the weights beside the file; None if there are none."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The calls that one part of a model file led to, and the shape of what they hand on."""

    title: str
    calls: tuple[Call, ...]
    out_shape: Shape


def emit_module(
    arch: Architecture, *, input_shape: Shape, num_classes: int, provenance: Provenance
) -> str:
    """Source text of the network for images of `input_shape` (C, H, W).

    It loads the weights of the model that `build_model` makes. The network is the first class
    of the file. Raises IllegalArchitecture, and PluginError where names of a plug-in clash.
    """
    input_shape = arch.input_shape(input_shape)
    parts = _parts(arch, input_shape, num_classes)
    rings = arch.rings(in_channels=input_shape[0], num_classes=num_classes)
    names = dict.fromkeys(name for part in parts for call in part.calls for name in _names(call))
    sources = collect([*names, *(("Ring", "generated") if rings else ())])
    sources.imports |= {"from torch import Tensor", "from torch import nn"}
    class_name = to_class_name(arch.name, sources.names().union(OWN_NAMES))
    made = output_shapes(arch, input_shape=input_shape, num_classes=num_classes)
    network = [
        *_heading(class_name, input_shape, made),
        *_constructor(parts, rings),
        "",
        *_forward(with_rings=bool(rings), returns="Tensor" if len(made) == 1 else _SEVERAL),
    ]
    head = [
        _docstring(arch, class_name, provenance),
        "from __future__ import annotations",
        _imports(sources.imports),
    ]
    return "\n\n".join(head) + "\n\n\n" + "\n".join(network) + "\n\n\n" + sources.text() + "\n"


def to_class_name(name: str, taken: Container[str] = ()) -> str:
    """`lru_vgnet` -> `LruVgnet`; always a legal Python name, and none that is `taken`."""
    words = re.findall(r"[A-Za-z]+|[0-9]+", name)
    joined = "".join(word.capitalize() for word in words)
    if not joined or joined[0].isdigit():
        joined = f"Net{joined}"
    while joined in taken or iskeyword(joined):
        joined = f"{joined}Network"
    return joined


def _parts(arch: Architecture, input_shape: Shape, num_classes: int) -> list[_Part]:
    parts, shape = [], input_shape
    for title, calls in arch.sections(input_shape[0], num_classes):
        for call in calls:
            shape = part_cost(call, shape).out_shape
        parts.append(_Part(title, calls, shape))
    return parts


def _docstring(arch: Architecture, class_name: str, provenance: Provenance) -> str:
    texts = (provenance.claim, provenance.origin, provenance.preprocessing)
    paragraphs = ["\n".join(textwrap.wrap(text, WIDTH)) for text in texts]
    if provenance.weights_file:
        paragraphs += [
            "    from safetensors.torch import load_model",
            f"    model = {class_name}()\n"
            f'    load_model(model, "{provenance.weights_file}")\n'
            "    model.eval()",
        ]
    text = "\n\n".join([f"{class_name}, architecture {arch.id}.", *paragraphs])
    # What it quotes, a command line say, may hold anything.
    raw = "r" if "\\" in text else ""
    return f'{raw}"""' + text.replace('"""', "'''") + '\n"""'


def _imports(statements: set[str]) -> str:
    """Import statements, names from one module joined, standard library first."""
    plain = sorted(statement for statement in statements if statement.startswith("import "))
    names: dict[str, list[str]] = {}
    for statement in sorted(statements - set(plain)):
        _, module, _, name = statement.split(maxsplit=3)
        names.setdefault(module, []).append(name)
    lines = plain + [f"from {module} import {', '.join(names[module])}" for module in names]
    first = [line for line in lines if " torch" not in line]
    second = [line for line in lines if " torch" in line]
    return "\n\n".join("\n".join(block) for block in (first, second) if block)


_SEVERAL = "tuple[Tensor, ...]"


def _heading(class_name: str, input_shape: Shape, outputs: Outputs) -> list[str]:
    sides = ", ".join(map(str, input_shape))
    made = [
        f"(B, {', '.join(map(str, shape if shape[1:] != (1, 1) else shape[:1]))}) {name}"
        for name, shape in outputs
    ]
    first, *lines = textwrap.wrap(f"(B, {sides}) images -> {', '.join(made)}.", WIDTH - 8)
    return [
        f"class {class_name}(nn.Module):",
        *(
            [f'{INDENT}"""{first}"""']
            if not lines
            else [f'{INDENT}"""{first}', *(INDENT + line for line in lines), f'{INDENT}"""']
        ),
        "",
    ]


def _constructor(parts: list[_Part], rings: tuple[RingPlan, ...]) -> list[str]:
    stem, *stages, head = parts
    lines = [
        f"{INDENT}def __init__(self) -> None:",
        f"{INDENT * 2}super().__init__()",
        f"{INDENT * 2}# stem: {_shown(stem.out_shape)}",
        *render(stem.calls[0], 2, prefix="self.stem = "),
    ]
    stages = [stage for stage in stages if stage.calls]
    lines += [line for stage in stages for line in _stage(stage)]
    lines += _joined([_variable(stage) for stage in stages])
    lines += render(head.calls[0], 2, prefix="self.head = ")
    return [*lines, *(_rings(rings) if rings else ())]


def _stage(stage: _Part) -> list[str]:
    lines = [
        f"{INDENT * 2}# {stage.title}: {_shown(stage.out_shape)}",
        f"{INDENT * 2}{_variable(stage)} = nn.Sequential(",
    ]
    for call, group in groupby(stage.calls):
        lines += render_copies(call, len(list(group)), 3)
    return [*lines, f"{INDENT * 2})"]


def _variable(stage: _Part) -> str:
    return stage.title.replace(" ", "_")


def _joined(stages: list[str]) -> list[str]:
    """The body: the blocks of all stages in a row, so that weights are named by block."""
    line = f"{INDENT * 2}self.body = nn.Sequential({', '.join(f'*{name}' for name in stages)})"
    if len(line) <= WIDTH:
        return [line]
    items = [f"{INDENT * 3}*{name}," for name in stages]
    return [f"{INDENT * 2}self.body = nn.Sequential(", *items, f"{INDENT * 2})"]


def _shown(shape: Shape) -> str:
    return " x ".join(map(str, shape))


def _forward(*, with_rings: bool, returns: str) -> list[str]:
    forward = "return self.head(self.body(self.stem(images)))"
    return [
        f"{INDENT}def forward(self, images: Tensor) -> {returns}:",
        f'{INDENT * 2}"""Logits."""',
        *(
            [f"{INDENT * 2}with generated(self.rings):", f"{INDENT * 3}{forward}"]
            if with_rings
            else [f"{INDENT * 2}{forward}"]
        ),
    ]


def _rings(rings: tuple[RingPlan, ...]) -> list[str]:
    """The rings, each with the layers that read from it by position among all layers."""
    lines = [
        f"{INDENT * 2}kinds = (nn.Conv2d, nn.Linear)",
        f"{INDENT * 2}layers = [module for module in self.modules() if isinstance(module, kinds)]",
        f"{INDENT * 2}self.rings = nn.ModuleList()",
    ]
    for ring in rings:
        options = {name: getattr(ring, name) for name in ("size", "scales", "std", "seed")}
        options |= {name: getattr(ring, name) for name in RING_OPTIONS if _is_set(ring, name)}
        inner = _readers(ring)
        for name, value in options.items():
            inner += render(value, 4, prefix=f"{name}=", suffix=",")
        lines += [
            f"{INDENT * 2}self.rings.append(",
            f"{INDENT * 3}Ring(",
            *inner,
            f"{INDENT * 3})",
            f"{INDENT * 2})",
        ]
    return lines


def _readers(ring: RingPlan) -> list[str]:
    """The first argument of a `Ring`: for every kernel, the layers that read it."""
    first, *_, last = (*ring.kernels[0], *ring.kernels[-1])
    if ring.kernels == tuple((layer,) for layer in range(first, last + 1)):
        return [f"{INDENT * 4}[[layer] for layer in layers[{first}:{last + 1}]],"]
    group = "[layers[number] for number in group]"
    line = f"{INDENT * 4}[{group} for group in {flat(ring.kernels)}],"
    if len(line) <= WIDTH:
        return [line]
    groups = render(ring.kernels, 5, prefix="for group in ")
    return [f"{INDENT * 4}[", f"{INDENT * 5}{group}", *groups, f"{INDENT * 4}],"]


def _is_set(ring: RingPlan, name: str) -> bool:
    return bool(getattr(ring, name) != RING_OPTIONS[name])


def _names(value: Argument) -> Iterator[str]:
    """Names of classes and functions that a call uses, its own first."""
    if isinstance(value, Call):
        yield value.name
        for _, argument in value.arguments:
            yield from _names(argument)
    elif isinstance(value, Ref) and not value.name.startswith("nn."):
        yield value.name
