"""Networks as they are deployed compute what the models compute, for every block and ring."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING, Any

import pytest
import torch

from nas.arch import COMPONENTS, Architecture, Sharing, Stage
from nas.errors import IllegalArchitecture, OptionError
from nas.families.dense.options import UpsampleTransition
from nas.families.lru.options import Lru, MaxPoolConcat
from nas.families.plain.options import ConvStem, ConvTransition, GapLinear
from nas.families.residual.options import Residual
from nas.latency import REFERENCE, Workload, deploy, deployable
from nas.model import build_model
from nas.space import load_architecture, load_space

if TYPE_CHECKING:
    from nas.arch import Block, Head, Stem, Transition

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def workload(arch: Architecture) -> Workload:
    return Workload(arch=arch, input_shape=(3, 16, 16), num_classes=5)


def with_parts(
    *,
    stem: Stem | None = None,
    transition: Transition | None = None,
    block: Block | None = None,
    head: Head | None = None,
) -> Architecture:
    return Architecture(
        name="parts",
        stem=stem or ConvStem(channels=16),
        stages=(
            Stage(
                channels=32,
                stride=1 if isinstance(transition, UpsampleTransition) else 2,
                depth=2,
                transition=transition or ConvTransition(),
                block=block or Residual(),
            ),
        ),
        head=head or GapLinear(),
    )


def made(kind: type[Any]) -> Any:
    """The part, reused where it can be; 16 wherever a number must be given."""
    fields = dataclasses.fields(kind)
    given = {f.name: 16 for f in fields if f.default is dataclasses.MISSING}
    if any(field.name == "reuse" for field in fields):
        given["reuse"] = 3
    return kind(**given)


def assert_agrees(one: Workload) -> None:
    model = deployable(one)
    images = torch.randn((1, *one.input_shape), generator=torch.Generator().manual_seed(1))
    expected, found = model(images), deploy(one).logits(images)
    assert expected.abs().max() > 1e-3  # nothing vanished, so that there is something to compare
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


EVERY = [
    (role, kind)
    for role, kinds in COMPONENTS.items()
    for kind in kinds.values()
    # Nothing to measure, a head made for one size of map, and heads that have a test of their own.
    if (role.__name__, kind.kind)
    not in {("Block", "none"), ("Head", "flatten"), ("Head", "multi")}
]


@pytest.mark.parametrize(("role", "kind"), EVERY, ids=[kind.__name__ for _, kind in EVERY])
def test_every_part_agrees_in_onnx_runtime(role: Any, kind: type[Any]) -> None:
    assert_agrees(workload(with_parts(**{role.__name__.lower(): made(kind)})))


def test_a_flatten_head_agrees_in_onnx_runtime() -> None:
    lenet = load_architecture("lenet_bn")
    assert_agrees(Workload(arch=lenet, input_shape=(1, 28, 28), num_classes=10))


@pytest.mark.parametrize("scope", ["layer", "block", "stage", "subnet", "network"])
def test_every_ring_agrees_in_onnx_runtime(scope: Any) -> None:
    arch = Architecture(
        name="rings",
        stem=ConvStem(channels=16),
        stages=(
            Stage(channels=16, stride=1, depth=1, block=Lru(reuse=3, groups=4)),
            Stage(channels=32, stride=2, depth=2, transition=MaxPoolConcat(), block=Residual()),
        ),
        head=GapLinear(),
        sharing=Sharing(scope=scope, ratio=0.4),
    )
    assert_agrees(workload(arch))


@pytest.mark.parametrize("space", ["lru_vgnet", "mgic_mobilenetv3", "rpg_resnet", "reuse_all"])
def test_random_networks_agree_in_onnx_runtime(space: str) -> None:
    arch = load_space(space).random_architecture(random.Random(5))
    assert_agrees(Workload(arch=arch, input_shape=(3, 32, 32), num_classes=10))


def test_the_reference_never_changes() -> None:
    assert REFERENCE.arch.id == "a3f52a65bd8a"
    assert (REFERENCE.input_shape, REFERENCE.num_classes) == ((3, 32, 32), 10)


def test_weights_are_always_the_same_and_nobody_elses_chance_is_touched() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, second = deployable(REFERENCE), deployable(REFERENCE)
    assert torch.equal(torch.get_rng_state(), before)
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)


def test_rings_are_read_out_before_anything_is_timed() -> None:
    arch = dataclasses.replace(REFERENCE.arch, sharing=Sharing(scope="network", ratio=0.3))
    model = deployable(dataclasses.replace(REFERENCE, arch=arch))
    plain = build_model(REFERENCE.arch, in_channels=3, num_classes=10)
    assert {name for name, _ in model.named_parameters()} == {
        name for name, _ in plain.named_parameters()
    }


def test_without_the_extra_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nas.latency._deploy.find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"onnx and onnxruntime .* 'reuse-nas\[latency\]'"):
        deploy(REFERENCE)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(OptionError, match="`device` cuda: no CUDA device here"):
        deploy(REFERENCE, "cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_graph_agrees() -> None:
    model = deployable(REFERENCE)
    images = torch.randn((1, *REFERENCE.input_shape), generator=torch.Generator().manual_seed(1))
    found = deploy(REFERENCE, "cuda").logits(images)
    torch.testing.assert_close(found, model(images), rtol=1e-2, atol=1e-3)


def test_an_impossible_network_is_refused() -> None:
    arch = with_parts(block=Lru(reuse=2, groups=3))
    with pytest.raises(IllegalArchitecture, match="groups 3"):
        deploy(workload(arch))


def test_images_that_do_not_suit_the_network_are_refused() -> None:
    lenet = Workload(arch=load_architecture("lenet"), input_shape=(3, 224, 224), num_classes=10)
    with pytest.raises(IllegalArchitecture, match="4x4 pixels are expected and 53x53 come"):
        deploy(lenet)
