"""Architecture -> one readable PyTorch file that imports torch alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from nas.arch import Call, Ref
from nas.export._source import collect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.arch import Architecture, Argument, RingPlan, Section

WIDTH = 99
INDENT = " " * 4
RING_OPTIONS = {
    "even": "network",
    "permute": True,
    "signs": True,
    "block": 1,
    "gradient_factor": 1.0,
}
"""Options of `Ring` that are written only where they differ from its defaults."""


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


def emit_module(
    arch: Architecture, *, in_channels: int, num_classes: int, provenance: Provenance
) -> str:
    """Source text of the network; loads the weights of the model that `build_model` makes."""
    sections = arch.sections(in_channels, num_classes)
    calls = [call for _, group in sections for call in group]
    rings = arch.rings(in_channels=in_channels, num_classes=num_classes)
    names = dict.fromkeys(name for call in calls for name in _names_in(call))
    sources = collect([*names, *(("Ring", "generated") if rings else ())])
    sources.imports |= {"from torch import Tensor", "from torch import nn"}
    class_name = to_class_name(arch.name)
    parts = [
        _docstring(arch, class_name, provenance),
        "from __future__ import annotations",
        _imports(sources.imports),
        _network(class_name, sections, rings),
        sources.text(),
    ]
    head, rest = parts[:3], parts[3:]
    return "\n\n".join(head) + "\n\n\n" + "\n\n\n".join(rest) + "\n"


def to_class_name(name: str) -> str:
    """`lru_vgnet` -> `LruVgnet`; always a legal Python name."""
    words = re.findall(r"[A-Za-z]+|[0-9]+", name)
    joined = "".join(word.capitalize() for word in words)
    return joined if joined and not joined[0].isdigit() else f"Net{joined}"


def _docstring(arch: Architecture, class_name: str, provenance: Provenance) -> str:
    lines = [f'"""{class_name}, architecture {arch.id}.', "", *_wrap(provenance.claim), ""]
    lines += [*_wrap(provenance.origin), "", *_wrap(provenance.preprocessing)]
    if provenance.weights_file:
        lines += [
            "",
            "    from safetensors.torch import load_model",
            "",
            f"    model = {class_name}()",
            f'    load_model(model, "{provenance.weights_file}")',
            "    model.eval()",
        ]
    return "\n".join([*lines, '"""'])


def _wrap(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, WIDTH)


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


def _network(class_name: str, sections: tuple[Section, ...], rings: tuple[RingPlan, ...]) -> str:
    (_, (stem,)), *stages, (_, (head,)) = sections
    lines = [
        f"class {class_name}(nn.Module):",
        f'{INDENT}"""(B, C, H, W) images -> (B, K) logits."""',
        "",
        f"{INDENT}def __init__(self) -> None:",
        f"{INDENT * 2}super().__init__()",
        *_assign("self.stem", stem),
        f"{INDENT * 2}self.body = nn.Sequential(",
    ]
    for title, calls in stages:
        if calls:
            lines.append(f"{INDENT * 3}# {title}")
        for call, group in groupby(calls):
            lines += _item(call, len(list(group)))
    lines += [
        f"{INDENT * 2})",
        *_assign("self.head", head),
        *(_rings(rings) if rings else ()),
        "",
        f"{INDENT}def forward(self, images: Tensor) -> Tensor:",
        f'{INDENT * 2}"""Logits."""',
    ]
    if rings:
        lines.append(f"{INDENT * 2}with generated(self.rings):")
    lines.append(f"{INDENT * (3 if rings else 2)}return self.head(self.body(self.stem(images)))")
    return "\n".join(lines)


def _rings(rings: tuple[RingPlan, ...]) -> list[str]:
    """The rings, each with the layers that read from it by position among all layers."""
    lines = [
        f"{INDENT * 2}kinds = (nn.Conv2d, nn.Linear)",
        f"{INDENT * 2}layers = [module for module in self.modules() if isinstance(module, kinds)]",
        f"{INDENT * 2}self.rings = nn.ModuleList()",
    ]
    for ring in rings:
        readers = [
            "[" + ", ".join(f"layers[{reader}]" for reader in group) + "]"
            for group in ring.kernels
        ]
        options = [("size", ring.size), ("std", ring.std), ("seed", ring.seed)]
        options += [(name, getattr(ring, name)) for name in RING_OPTIONS if _is_set(ring, name)]
        lines += [
            f"{INDENT * 2}self.rings.append(",
            f"{INDENT * 3}Ring(",
            *_listed("", readers, 4),
            *_listed("scales=", [repr(scale) for scale in ring.scales], 4),
            *(f"{INDENT * 4}{name}={value!r}," for name, value in options),
            f"{INDENT * 3})",
            f"{INDENT * 2})",
        ]
    return lines


def _is_set(ring: RingPlan, name: str) -> bool:
    return bool(getattr(ring, name) != RING_OPTIONS[name])


def _listed(prefix: str, items: list[str], depth: int) -> list[str]:
    """A list argument: on one line where it fits, else with one item a line."""
    flat = f"{INDENT * depth}{prefix}[{', '.join(items)}],"
    if len(flat) <= WIDTH:
        return [flat]
    inner = [f"{INDENT * (depth + 1)}{item}," for item in items]
    return [f"{INDENT * depth}{prefix}[", *inner, f"{INDENT * depth}],"]


def _assign(target: str, call: Call) -> list[str]:
    return _prefixed(f"{target} = ", render(call, 2), 2, "")


def _item(call: Call, count: int) -> list[str]:
    """A member of the body; equal neighbours, each with weights of its own, as one line."""
    if count == 1:
        return _prefixed("", render(call, 3), 3, ",")
    body = render(call, 4)
    return [
        f"{INDENT * 3}*(",
        *_prefixed("", body, 4, ""),
        f"{INDENT * 4}for _ in range({count})",
        f"{INDENT * 3}),",
    ]


def _prefixed(prefix: str, lines: list[str], depth: int, suffix: str) -> list[str]:
    first, *rest = lines
    out = [f"{INDENT * depth}{prefix}{first}", *rest]
    out[-1] += suffix
    return out


def render(call: Call, depth: int) -> list[str]:
    """A call as source lines; the first carries no indentation, the others stand at `depth`."""
    flat = _flat(call)
    if len(INDENT) * depth + len(flat) + len("self.stem = ,") <= WIDTH:
        return [flat]
    lines = [f"{call.name}("]
    for key, value in call.arguments:
        lines += _prefixed(f"{key}=", _render_argument(value, depth + 1), depth + 1, ",")
    return [*lines, f"{INDENT * depth})"]


def _render_argument(value: Argument, depth: int) -> list[str]:
    return render(value, depth) if isinstance(value, Call) else [_flat(value)]


def _flat(value: Argument) -> str:
    if isinstance(value, Call):
        inner = ", ".join(f"{key}={_flat(item)}" for key, item in value.arguments)
        return f"{value.name}({inner})"
    return value.name if isinstance(value, Ref) else repr(value)


def _names_in(value: Argument) -> Iterator[str]:
    """Names of `nas.blocks.NAMES` that a call uses, its own first."""
    if isinstance(value, Call):
        yield value.name
        for _, argument in value.arguments:
            yield from _names_in(argument)
    elif isinstance(value, Ref) and not value.name.startswith("nn."):
        yield value.name
