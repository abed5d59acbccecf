"""Memory by other rules: cases by hand, and what holds between the rules for any network."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from itertools import islice, permutations
from math import prod
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from nas.arch import Sharing
from nas.components import Op
from nas.cost import cost_of, working_memory
from nas.cost._memory import _best_peak, _fused, _Graph, _Life, _placed, _Step, _written_once
from nas.errors import IllegalArchitecture
from nas.export import Provenance, emit_module
from nas.export._emit import to_class_name
from nas.families._module_trace import Recorder
from nas.families.registry import BUILT_IN, FAMILIES
from nas.latency import export_onnx
from nas.model import build_model
from nas.quantize import network_onnx
from nas.sharing import materialize
from nas.space import SearchSpace, load_architecture, load_space, parse_space
from nas.testing import draw_networks
from nas.testing._draw import IMAGE as DRAWN_IMAGE
from nas.testing._draw import NUM_CLASSES
from nas.trial import Cost
from tests.model.fill import fill

if TYPE_CHECKING:
    from nas.arch import Architecture

FLOAT = 1
"""ONNX's number for fp32."""
IMAGE = (1, 16, 16)


def network(*stages: str, sharing: str = "") -> SearchSpace:
    listed = "".join(f"  - {{{stage}}}\n" for stage in stages)
    text = f"stem: {{conv: {{channels: 8, stride: 1}}}}\nstages:\n{listed}head: gap_linear\n"
    return parse_space(text + sharing, source="f.yaml", name="f")


def test_a_chain_of_convolutions_by_hand() -> None:
    """Image 256, then 8 x 256 twice: our peak counts both maps of the second convolution."""
    arch = network("channels: 8, block: conv").decode(())
    memory = working_memory(arch, input_shape=IMAGE, num_classes=10)
    cost = cost_of(arch, input_shape=IMAGE, num_classes=10)
    assert cost.int8_peak_activation_bytes == 2 * 2048
    assert memory.int8_munas_peak_bytes == 2 * 2048
    assert memory.int8_arena_bytes == 2 * 2048


def test_the_image_is_left_out() -> None:
    """A stem from 3 x 32 x 32 to 8 x 16 x 16 is the dearest step, but for the image."""
    shape = (3, 32, 32)
    strided = parse_space(
        "stem: {conv: {channels: 8, stride: 2}}\nstages:\n"
        "  - {channels: 8, stride: 2, block: conv}\nhead: gap_linear\n",
        source="f.yaml",
        name="f",
    ).decode(())
    memory = working_memory(strided, input_shape=shape, num_classes=10)
    assert (
        cost_of(strided, input_shape=shape, num_classes=10).int8_peak_activation_bytes
        == 3 * 32 * 32 + 8 * 256
    )
    assert memory.int8_munas_peak_bytes == 8 * 256 + 8 * 64
    assert memory.int8_arena_bytes == 3 * 32 * 32 + 8 * 256


def test_an_addition_works_in_place() -> None:
    arch = network("channels: 8, block: residual").decode(())
    memory = working_memory(arch, input_shape=IMAGE, num_classes=10)
    # Input and two maps inside the block; the addition writes into one of them.
    assert memory.int8_munas_peak_bytes == 3 * 2048


def step(reads: tuple[int, ...], writes: int, size: int, *, adds: bool = False) -> _Step:
    return _Step(reads, writes, size, adds)


def test_the_best_order_by_hand() -> None:
    """A wide branch first and narrowed before the other begins: 1 + 9, then 1 + 1 + 9."""
    graph = _Graph(
        (
            step((0,), 1, 9),
            step((0,), 2, 9),
            step((1,), 3, 1),
            step((2,), 4, 1),
            step((3, 4), 5, 1, adds=True),
        ),
        given=1,
    )
    assert _best_peak(graph, counts_given=True) == 11  # as written: 1 + 9 + 9
    assert _best_peak(graph, counts_given=False) == 10 + 1


def random_graph(rng: random.Random) -> _Graph:
    steps: list[_Step] = []
    for number in range(1, 7):
        reads = tuple(rng.sample(range(number), min(number, rng.choice((1, 1, 2)))))
        steps.append(step(reads, number, rng.randint(1, 9), adds=rng.random() < 0.3))
    used = {name for one in steps for name in one.reads}
    loose = tuple(one.writes for one in steps if one.writes not in used)
    return _Graph((*steps, step(loose, 7, 2)), given=rng.randint(1, 9))


def peak_of(graph: _Graph, order: tuple[int, ...]) -> int:
    """The peak of one order, or a very large one where it cannot be."""
    sizes = {0: graph.given} | {one.writes: one.size for one in graph.steps}
    alive, peak = {0}, graph.given
    for place, number in enumerate(order):
        one = graph.steps[number]
        if not set(one.reads) <= alive:
            return 10**9
        later = {name for other in order[place + 1 :] for name in graph.steps[other].reads}
        needed = {name for name in alive if name in later or name in one.reads}
        dying = [name for name in one.reads if name not in later and sizes[name] == one.size]
        taken = one.size if one.adds and dying else 0
        peak = max(peak, sum(sizes[name] for name in needed) + one.size - taken)
        alive = {name for name in alive if name in later} | {one.writes}
    return peak


@pytest.mark.parametrize("seed", range(12))
def test_the_best_order_is_that_of_all_orders(seed: int) -> None:
    graph = random_graph(random.Random(seed))
    orders = permutations(range(len(graph.steps)))
    assert _best_peak(graph, counts_given=True) == min(peak_of(graph, one) for one in orders)


def test_a_norm_and_an_activation_belong_to_their_convolution() -> None:
    ops = [
        Op((0,), 1, 8, in_place=False),
        Op((1,), 2, 8, in_place=True),
        Op((2,), 3, 8, in_place=True),
        Op((3, 0), 4, 8, in_place=True),
        Op((4,), 5, 8, in_place=True),
    ]
    assert [*_fused(ops)] == [
        step((0,), 1, 8, adds=True)._replace(adds=False),
        step((1, 0), 4, 8, adds=True),
    ]


def steps_of(activation: nn.Module, norm: nn.Module) -> list[_Step]:
    """The steps of two convolutions with a norm and an activation between, recorded."""
    with torch.device("meta"):
        layers = [nn.Conv2d(3, 8, 1, bias=False), norm, activation, nn.Conv2d(8, 2, 1)]
        model, image = nn.Sequential(*layers).eval(), torch.empty(1, 3, 4, 4)
    with torch.no_grad(), Recorder(image) as recorder:
        out = model(image)
    ops = [layer.op for layer in recorder.layers()]
    return [*_fused(_written_once(ops, recorder.number(out), image.numel()))]


@pytest.mark.parametrize("norm", [nn.BatchNorm2d(8), nn.Identity()], ids=["norm", "no norm"])
def test_what_is_written_in_place_is_no_map_more(norm: nn.Module) -> None:
    norm = norm.to("meta")
    plain = steps_of(nn.ReLU(), norm)
    assert [(one.reads, one.size) for one in plain] == [((0,), 128), ((1,), 32)]
    in_place = steps_of(nn.ReLU(inplace=True), norm)
    graphs = [_Graph(tuple(steps), given=48) for steps in (plain, in_place)]
    assert [_best_peak(one, counts_given=True) for one in graphs] == [48 + 128] * 2
    assert [one.size for one in in_place] == [one.size for one in plain]


def test_every_map_is_written_once_and_read_later_by_hand() -> None:
    """Storage 2 is written twice, the second time in part; what storage 3 holds nobody reads."""
    ops = [
        Op((0,), 2, 8, in_place=False),
        Op((2,), 2, 4, in_place=True),
        Op((2,), 3, 9, in_place=False),
        Op((0, 2), 4, 8, in_place=True),
        Op((4,), 5, 1, in_place=False),
    ]
    assert _written_once(ops, 4, 8) == [
        Op((0,), 1, 8, in_place=False),
        Op((1,), 2, 8, in_place=True),
        Op((2,), 3, 9, in_place=False),
        Op((0, 2, 3), 4, 8, in_place=True),
    ]
    assert _written_once(ops, 0, 8) == []


def test_points_that_look_for_their_neighbours_by_hand() -> None:
    """16 points of 3 channels, 4 neighbours each: edges of 6 channels, and 8 made of them."""
    text = (
        "stem: none\nstages: [{channels: 8, block: {edge_conv: {neighbours: 4}}}]\n"
        "head: gap_linear\n"
    )
    arch = parse_space(text, source="f.yaml", name="f").decode(())
    memory = working_memory(arch, input_shape=(3, 16, 1), num_classes=4)
    assert memory.int8_munas_peak_bytes == (6 + 8) * 16 * 4
    assert memory.int8_arena_bytes == (6 + 8) * 16 * 4 + 3 * 16


def test_a_greedy_planner_leaves_gaps_by_hand() -> None:
    """The two maps of 32 are never there together, the 48 overlaps both: 48 + 32."""
    assert _placed([_Life(32, 0, 1), _Life(48, 1, 3), _Life(32, 2, 4)]) == 80
    # 48 from 0; 40 (rounded up to 48) on top; the 16 fits nowhere below while both live.
    assert _placed([_Life(48, 0, 2), _Life(40, 1, 3), _Life(16, 2, 3)]) == 112
    # A gap is used: 16 lives beside the upper one alone.
    assert _placed([_Life(48, 0, 1), _Life(40, 1, 3), _Life(16, 2, 3)]) == 96


def test_arenas_hold_what_lives_and_munas_counts_no_more_than_we_do() -> None:
    tried = 0
    for name in ("lru_vgnet", "reuse_all", "mgic_mobilenetv3"):
        space, rng = load_space(name), random.Random(name)
        for _ in range(25):
            arch = space.random_architecture(rng)
            try:
                cost = cost_of(arch, input_shape=(1, 28, 28), num_classes=10)
            except IllegalArchitecture:
                continue
            memory = working_memory(arch, input_shape=(1, 28, 28), num_classes=10)
            assert memory.int8_munas_peak_bytes <= cost.int8_peak_activation_bytes
            assert memory.int8_munas_peak_bytes <= memory.int8_arena_bytes
            tried += 1
    assert tried > 40


# -- how rings are deployed ------------------------------------------------------------------

RINGS = "sharing: {scope: network, ring: 100, repeat: identical}\n"


def deployed(deploy: str) -> Cost:
    arch = network("channels: 8, depth: 2, block: conv", sharing=RINGS).decode(())
    return cost_of(arch, input_shape=IMAGE, num_classes=10, deploy=deploy)  # type: ignore[arg-type]


def test_generated_kernels_cost_memory_and_stored_ones_flash() -> None:
    """Stem 72, two kernels of 576, head 80 + 10, norms of 8 channels three times."""
    generated, stored = deployed("generated"), deployed("materialized")
    others = 72 + 80
    floats = 10 + 3 * 16
    assert generated.stored_bytes == 4 * (100 + others + floats)
    assert stored.stored_bytes == 4 * (2 * 576 + others + floats)
    assert generated.int8_stored_bytes == 100 + others + 4 * floats
    assert stored.int8_stored_bytes == 2 * 576 + others + 4 * floats
    assert generated.ram_bytes == generated.peak_activation_bytes + 4 * 576
    assert stored.ram_bytes == stored.peak_activation_bytes
    assert generated.int8_ram_bytes == 2 * 2048 + 576
    assert generated.params == stored.params


def test_without_rings_there_is_nothing_to_choose() -> None:
    arch = load_architecture("lrunet_4_1x")
    shape = (3, 32, 32)
    generated, stored = (
        cost_of(arch, input_shape=shape, num_classes=10, deploy=deploy)  # type: ignore[arg-type]
        for deploy in ("generated", "materialized")
    )
    assert generated.stored_bytes == stored.stored_bytes
    assert generated.ram_bytes == stored.ram_bytes == generated.peak_activation_bytes


@pytest.mark.parametrize("deploy", ["generated", "materialized"])
@pytest.mark.parametrize("name", ["rpg_resnet", "reuse_all", "lru_vgnet"])
def test_stored_bytes_are_the_constants_of_the_written_file(name: str, deploy: str) -> None:
    space, rng = load_space(name), random.Random(name)
    shared = 0
    for _ in range(4):
        arch = space.random_architecture(rng)
        shared += arch.is_shared
        written = arch if deploy == "generated" else arch.without_rings()
        source = emit_module(
            written,
            input_shape=(1, 28, 28),
            num_classes=10,
            provenance=Provenance(claim="-", origin="-", preprocessing="-", weights_file=None),
        )
        namespace: dict[str, Any] = {"__name__": "exported"}
        exec(compile(source, "exported", "exec"), namespace)
        model = namespace[to_class_name(arch.name)]()
        constants = [*model.parameters(), *(one for one in model.buffers() if one.dim() == 4)]
        cost = cost_of(arch, input_shape=(1, 28, 28), num_classes=10, deploy=deploy)  # type: ignore[arg-type]
        assert cost.stored_bytes == 4 * sum(one.numel() for one in constants)
        kernels = sum(one.numel() for one in constants if one.dim() > 1)
        kernels += cost.ring_params if deploy == "generated" else 0
        others = sum(one.numel() for one in constants) - kernels
        assert cost.int8_stored_bytes == kernels + 4 * others
    assert shared > 0 or name == "lru_vgnet"


# -- the file that is exported -----------------------------------------------------------------

SCOPES = ("layer", "block", "stage", "subnet", "network")


def is_small(arch: Architecture) -> bool:
    """Files of a hundred megabytes take half a minute and tell no more."""
    return cost_of(arch, input_shape=DRAWN_IMAGE, num_classes=NUM_CLASSES).params < 1_000_000


@cache
def drawn(family: str) -> tuple[Architecture, ...]:
    """Three small networks of a family."""
    networks = draw_networks(FAMILIES[family], 20, random.Random(family))
    return tuple(islice(filter(is_small, networks), 3))


@pytest.mark.parametrize(
    "name", [pytest.param("lrunet_14_1x", marks=pytest.mark.slow), "lrunet_2_1x"]
)
def test_stored_bytes_are_the_constants_of_a_file_whose_kernels_are_reused(name: str) -> None:
    """As it is exported: norms apart from kernels, their statistics within scale and shift."""
    onnx = pytest.importorskip("onnx")
    arch = load_architecture(name)
    model = fill(build_model(arch, in_channels=3, num_classes=10))
    graph = onnx.load_from_string(network_onnx(model, (3, 32, 32))).graph
    norms = [node for node in graph.node if node.op_type == "BatchNormalization"]
    assert len(norms) == sum(isinstance(one, nn.BatchNorm2d) for one in model.modules())
    statistics = {name for node in norms for name in node.input[3:]}
    sizes = {one.name: prod(one.dims) for one in graph.initializer if one.data_type == FLOAT}
    cost = cost_of(arch, input_shape=(3, 32, 32), num_classes=10, deploy="materialized")
    assert cost.stored_bytes == 4 * sum(sizes[name] for name in sizes.keys() - statistics)
    widths = {sizes[node.input[1]] for node in norms}
    assert sum(sizes[name] for name in statistics) == 2 * sum(widths), "zeros and ones"


@pytest.mark.parametrize("ratio", [None, 0.5])
@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("family", [family.name for family in BUILT_IN])
def test_stored_bytes_are_the_constants_of_the_onnx_file(
    family: str, number: int, ratio: float | None
) -> None:
    arch = drawn(family)[number]
    if ratio is not None:
        arch = replace(arch, sharing=Sharing(scope=SCOPES[number], ratio=ratio, private=()))
    assert_stored_as_costed(arch)


@pytest.mark.parametrize("scope", SCOPES)
def test_stored_bytes_of_a_ring_are_the_constants_of_the_onnx_file(scope: str) -> None:
    arch = load_architecture("lrunet_2_1x")
    assert_stored_as_costed(replace(arch, sharing=Sharing(scope=scope, ratio=0.5)))


def assert_stored_as_costed(arch: Architecture) -> None:
    """Kernels materialized, norms beside them."""
    onnx = pytest.importorskip("onnx")
    model = build_model(arch, in_channels=DRAWN_IMAGE[0], num_classes=NUM_CLASSES)
    materialize(model)
    shape = arch.input_shape(DRAWN_IMAGE)
    graph = onnx.load_from_string(export_onnx(fill(model), shape, fold=False)).graph
    sizes = {one.name: list(one.dims) for one in graph.initializer if one.data_type == FLOAT}
    # What several layers hold alike, as fixed kernels, the exporter writes once and refers to.
    again = [node.input[0] for node in graph.node if node.op_type == "Identity"]
    # Statistics fold into a norm's scale and shift; a slope stands there in a shape for each use.
    left_out = {
        name
        for node in graph.node
        for name in {"BatchNormalization": node.input[3:], "PRelu": node.input[1:]}.get(
            node.op_type, ()
        )
    }
    constants = [
        sizes[name] for name in (*sizes, *again) if name in sizes and name not in left_out
    ]
    slopes = sum(one.weight.numel() for one in model.modules() if isinstance(one, nn.PReLU))
    kernels = sum(prod(one) for one in constants if len(one) > 1)
    others = sum(prod(one) for one in constants if len(one) == 1) + slopes
    cost = cost_of(arch, input_shape=DRAWN_IMAGE, num_classes=NUM_CLASSES, deploy="materialized")
    assert cost.stored_bytes == 4 * (kernels + others)
    assert cost.int8_stored_bytes == kernels + 4 * others
