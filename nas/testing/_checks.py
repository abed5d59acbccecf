"""The checks of a family, one function each; every one raises where the family falls short."""

from __future__ import annotations

import ast
import pickle
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import torch

from nas.arch import Architecture, Sharing
from nas.components import Block, Transition, as_pair
from nas.cost import cost_of, measure_cost, part_cost, working_memory
from nas.errors import IllegalArchitecture
from nas.export import Provenance, check_exportable, export_network
from nas.families import instantiate
from nas.model import build_model, joined
from nas.space import dump_architecture, parse_space
from nas.testing._draw import IMAGE, NUM_CLASSES, draw_networks

if TYPE_CHECKING:
    from nas.arch import Call
    from nas.components import Family
    from nas.model import Network

MANY = 40
"""Networks that are counted; half as many are trained, a seventh are exported."""
PART_COSTS = ("params", "frozen_params", "macs", "peak_activation_bytes")


@dataclass(frozen=True)
class Subject:
    """A family, and random networks of it."""

    family: Family
    seed: int = 0
    many: int = MANY

    @cached_property
    def networks(self) -> list[Architecture]:
        """`many` legal networks, all different."""
        rng = random.Random(f"{self.family.name} {self.seed}")
        return list(draw_networks(self.family, self.many, rng))

    @property
    def half(self) -> list[Architecture]:
        """The first half of them."""
        return self.networks[: self.many // 2]

    @property
    def few(self) -> list[Architecture]:
        """A seventh of them, the first ones."""
        return self.networks[: -(-self.many // 7)]


Check: TypeAlias = Callable[[Subject], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """How one check ended."""

    name: str
    error: Exception | None = None


def run_checks(family: Family, *, many: int = MANY) -> Iterator[CheckResult]:
    """All checks of a family that is part of the grammar, each as it ends, on `many` networks."""
    subject = Subject(family, many=many)
    for name, check in CHECKS.items():
        try:
            check(subject)
        except Exception as error:
            yield CheckResult(name=name, error=error)
        else:
            yield CheckResult(name=name)


def model_files_read_back(subject: Subject) -> None:
    """A network written as a model file and read again is the same network."""
    for arch in subject.networks:
        text = dump_architecture(arch)
        again = parse_space(text, source="written.yaml", name=arch.name).decode(())
        assert again == arch, f"reading back gave another network:\n{text}"
        assert again.id == arch.id


def records_travel(subject: Subject) -> None:
    """Networks reach other processes by pickle, as they go to workers."""
    for arch in subject.few:
        assert pickle.loads(pickle.dumps(arch)) == arch


def costs_are_measured(subject: Subject) -> None:
    """Exact costs of every network and component are those of the module."""
    seen: set[tuple[Call, tuple[int, int, int]]] = set()
    for arch in subject.networks:
        model = _built(arch)
        exact = cost_of(arch, input_shape=IMAGE, num_classes=NUM_CLASSES)
        measured = measure_cost(model, input_shape=IMAGE)
        assert exact == measured, f"{dump_architecture(arch)}: {exact}, but {measured}"
        shape = IMAGE
        for call in arch.calls(in_channels=IMAGE[0], num_classes=NUM_CLASSES):
            if (call, shape) not in seen:
                seen.add((call, shape))
                _assert_component_measured(call, shape)
            shape = part_cost(call, shape).out_shape


def _assert_component_measured(call: Call, shape: tuple[int, int, int]) -> None:
    module = instantiate(call)
    with torch.inference_mode():
        out = joined(module.eval()(torch.zeros(1, *shape)))
    exact, measured = part_cost(call, shape), measure_cost(module, input_shape=shape)
    for name in PART_COSTS:
        pair = getattr(exact, name), getattr(measured, name)
        assert pair[0] == pair[1], f"{call.name} at {shape}: {name} {pair[0]}, measured {pair[1]}"
    made = (*out.shape[1:], 1, 1)[:3]
    assert made == exact.out_shape, f"{call.name} at {shape}: hands on {made}, not as costed"


def memory_is_planned(subject: Subject) -> None:
    """The maps of every network find their places in working memory."""
    for arch in subject.networks:
        memory = working_memory(arch, input_shape=IMAGE, num_classes=NUM_CLASSES)
        assert memory.int8_arena_bytes > 0, f"{dump_architecture(arch)}: {memory}"


def stages_have_their_shape(subject: Subject) -> None:
    """A stage hands on its channels, at its stride, whatever its blocks do inside.

    Components that were told to pool, not to pad, or to enlarge are left out.
    """
    if not any(issubclass(one, (Block, Transition)) for one in subject.family.options):
        return  # a family of heads or stems has no stages of its own
    for arch in subject.networks:
        if any(map(_resizes, (arch.stages[0].transition, arch.stages[0].block))):
            continue
        (_, (stem,)), *stages, _ = arch.given_sections(IMAGE[0], NUM_CLASSES)
        body = [call for _, calls in stages for call in calls]
        before = shape = part_cost(stem, IMAGE).out_shape
        for call in body:
            shape = part_cost(call, shape).out_shape
        stage = arch.stages[0]
        strides = as_pair(stage.stride)
        sides = tuple(-(-side // stride) for side, stride in zip(before[1:], strides, strict=True))
        assert shape == (stage.channels, *sides), (
            f"{dump_architecture(arch)}: from {before} to {shape}, not {(stage.channels, *sides)}"
        )


def _resizes(component: object) -> bool:
    larger = getattr(component, "factor", 1) > 1 or getattr(component, "pool", 1) != 1
    return larger or getattr(component, "padding", "same") == "valid"


def networks_train(subject: Subject) -> None:
    """Gradients reach every parameter and are finite; the same seed gives the same network."""
    for seed, arch in enumerate(subject.half):
        model, x = _built(arch, seed), torch.randn(2, *IMAGE, generator=_seeded(seed))
        made = model(x)
        counts = [count for _, count, _ in arch.head.outputs] or [NUM_CLASSES]
        outputs = made if arch.head.outputs else (made,)
        for count, one in zip(counts, outputs, strict=True):
            shape = tuple(one.shape)  # of a head for dense prediction, with height and width
            assert shape[:2] == (2, count), f"logits have shape {shape}"
            assert len(shape) in (2, 4), f"logits have shape {shape}"
        first, second = (joined(_built(arch, seed).eval()(x)) for _ in range(2))
        assert torch.equal(first, second), f"{arch.id}: not repeatable by seed"
        torch.autograd.backward(joined(made).square().sum())
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, f"{arch.id}: no gradient reaches {name}"
            assert torch.isfinite(parameter.grad).all(), f"{arch.id}: gradient of {name}"


def blocks_are_reused(subject: Subject) -> None:
    """Applied three times, a block has its kernels once; costs are exact there too."""
    for arch in subject.half:
        stage = arch.stages[0]
        thrice = replace(arch, stages=(replace(stage, block=replace(stage.block, reuse=3)),))
        _assert_measured(thrice)


def kernels_come_from_rings(subject: Subject) -> None:
    """With all kernels out of one ring, networks run and costs are exact."""
    for arch in subject.half:
        shared = replace(arch, sharing=Sharing(scope="network", ratio=0.5, private=()))
        _assert_measured(shared)
        made = _built(shared)(torch.randn(2, *IMAGE, generator=_seeded(0)))
        assert torch.isfinite(joined(made)).all()


def _assert_measured(arch: Architecture) -> None:
    try:
        exact = cost_of(arch, input_shape=IMAGE, num_classes=NUM_CLASSES)
    except IllegalArchitecture:
        return
    measured = measure_cost(_built(arch), input_shape=IMAGE)
    assert exact == measured, f"{dump_architecture(arch)}: {exact}, but {measured}"


def code_stands_alone(subject: Subject) -> None:
    """Exported code needs torch alone, no names clash, and it computes the same to the bit."""
    check_exportable()
    provenance = Provenance(claim="", origin="", preprocessing="", weights_file=None)
    with tempfile.TemporaryDirectory() as folder:
        for arch in subject.few:
            # Runs the file and compares logits.
            files = export_network(
                Path(folder),
                arch,
                input_shape=IMAGE,
                num_classes=NUM_CLASSES,
                weights=None,
                provenance=provenance,
            )
            others = _imported(files.module.read_text(encoding="utf-8")) - {"torch"}
            assert others <= sys.stdlib_module_names, f"exported code imports {sorted(others)}"


def _imported(source: str) -> set[str]:
    roots = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add(str(node.module).partition(".")[0])
    return roots


def onnx_computes_the_same(subject: Subject) -> None:
    """ONNX Runtime gives the same logits but for rounding, whatever the number of images.

    Rounding is what doubles change too: much where a network selects, as the nearest of points.
    Passes where ONNX Runtime is not installed.
    """
    if not all(map(find_spec, ("onnx", "onnxruntime"))):
        return
    from nas.latency import Workload, deployable
    from nas.quantize import network_onnx, open_session, run_onnx

    for arch in subject.few:
        model = deployable(Workload(arch=arch, input_shape=IMAGE, num_classes=NUM_CLASSES))
        session = open_session(network_onnx(model, IMAGE))
        images = torch.randn(3, *IMAGE, generator=_seeded(1))
        with torch.inference_mode():
            expected = joined(model(images))
            rounding = (joined(model.double()(images.double())) - expected).abs().max()
        for count in (1, 3):
            error = (run_onnx(session, images[:count]) - expected[:count]).abs().max()
            allowed = 1e-3 * (1 + expected.abs().max()) + 10 * rounding
            assert error <= allowed, f"{arch.id}, {count} images: ONNX is off by {error:g}"


def _built(arch: Architecture, seed: int = 0) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_model(arch, in_channels=IMAGE[0], num_classes=NUM_CLASSES)


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        model_files_read_back,
        records_travel,
        costs_are_measured,
        memory_is_planned,
        stages_have_their_shape,
        networks_train,
        blocks_are_reused,
        kernels_come_from_rings,
        code_stands_alone,
        onnx_computes_the_same,
    )
}
"""By name, in the order in which they are made."""
