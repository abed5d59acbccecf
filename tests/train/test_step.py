from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from nas.train import CLASSIFICATION, Optimizer, Recipe, seeded
from nas.train import _step as module
from nas.train._objective import Objective
from nas.train._step import EagerStep, ReplayedStep, make_optimizer, make_step
from tests.small_data import tiny_cnn

if TYPE_CHECKING:
    from collections.abc import Callable

CPU = torch.device("cpu")
RECIPE = Recipe(steps=7, optimizer=Optimizer(weight_decay=0.05))
OBJECTIVE = Objective(CLASSIFICATION, smoothing=0.1)
RATES = [0.01, 0.02, 0.03, 0.02, 0.01, 0.005, 0.001]


def batches(device: torch.device = CPU) -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(7)
    return [
        (torch.randn(8, 1, 16, 16).to(device), torch.randint(4, (8,)).to(device)) for _ in RATES
    ]


def model() -> nn.Sequential:
    with seeded(3):
        return tiny_cnn()


def without_recording(run: Callable[[], Tensor]) -> Tensor:
    return run()


def learn(step: module.Step, device: torch.device = CPU) -> list[float]:
    torch.manual_seed(0)
    pairs = zip(batches(device), RATES, strict=True)
    return [step(inputs, labels, rate=rate).item() for (inputs, labels), rate in pairs]


def test_norms_and_biases_do_not_decay() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 2))
    network.ring = nn.Parameter(torch.zeros(9))

    decayed, exempt = make_optimizer(network, CPU, RECIPE.optimizer).param_groups

    assert [id(p) for p in decayed["params"]] == [
        id(p) for p in (network.ring, network[0].weight, network[2].weight)
    ]
    assert len(exempt["params"]) == 4
    assert exempt["weight_decay"] == 0


def test_decay_of_everything_spares_nothing() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))

    decayed, exempt = make_optimizer(
        network, CPU, Optimizer(name="sgd", weight_decay=0.1, decay_all=True)
    ).param_groups

    assert len(decayed["params"]) == 4
    assert decayed["weight_decay"] == 0.1
    assert exempt["params"] == []


def test_sgd_with_nesterovs_momentum() -> None:
    settings = Optimizer(name="sgd", momentum=0.8, nesterov=True)

    optimizer = make_optimizer(model(), CPU, settings)

    assert isinstance(optimizer, torch.optim.SGD)
    assert optimizer.param_groups[0]["momentum"] == 0.8
    assert optimizer.param_groups[0]["nesterov"]


def test_clipped_gradients_are_as_long_as_allowed() -> None:
    network, settings = nn.Sequential(nn.Flatten(), nn.Linear(256, 4)), Optimizer(name="sgd")
    recipe = Recipe(steps=7, optimizer=dataclasses.replace(settings, momentum=0, clip_norm=0.01))
    before = [p.detach().clone() for p in network.parameters()]

    EagerStep(network, CPU, recipe, OBJECTIVE)(*batches()[0], rate=1.0)

    pairs = zip(before, network.parameters(), strict=True)
    moved = sum(((one - other) ** 2).sum().item() for one, other in pairs)
    assert moved**0.5 == pytest.approx(0.01, rel=1e-3)


def test_a_shared_weight_is_trained_once() -> None:
    layer = nn.Linear(3, 3, bias=False)

    groups = make_optimizer(
        nn.Sequential(layer, nn.ReLU(), layer), CPU, RECIPE.optimizer
    ).param_groups

    assert sum(len(group["params"]) for group in groups) == 1


def test_a_compiled_network_that_has_no_length_is_taken() -> None:
    """As torch.compile gives it: asking whether it is true asks for its length, which raises."""

    class Compiled:
        def __init__(self, network: nn.Module) -> None:
            self.network, self.calls = network, 0

        def __len__(self) -> int:
            raise TypeError("Network does not support len()")

        def __call__(self, images: Tensor) -> Tensor:
            self.calls += 1
            return self.network(images)

    network = model()
    compiled = Compiled(network)
    learn(make_step(network, CPU, RECIPE, OBJECTIVE, compiled))

    assert compiled.calls == len(RATES)


def test_a_rate_of_zero_teaches_nothing() -> None:
    network = model().eval()
    before = [p.clone() for p in network.parameters()]

    EagerStep(network, CPU, RECIPE, OBJECTIVE)(*batches()[0], rate=0.0)

    pairs = zip(before, network.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_the_cpu_does_without_recording() -> None:
    assert isinstance(make_step(model(), CPU, RECIPE, OBJECTIVE), EagerStep)


def test_a_replayed_step_learns_what_an_eager_one_learns() -> None:
    one, other = model(), model()
    recorded = []

    def record(run: Callable[[], Tensor]) -> Callable[[], Tensor]:
        recorded.append(run)
        return run

    eager = learn(EagerStep(one, CPU, RECIPE, OBJECTIVE))
    replayed = learn(
        ReplayedStep(EagerStep(other, CPU, RECIPE, OBJECTIVE), record, without_recording)
    )

    assert replayed == eager
    assert len(recorded) == 1
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_training_goes_on_where_nothing_can_be_recorded() -> None:
    def fail(run: Callable[[], Tensor]) -> Callable[[], Tensor]:
        raise RuntimeError("operation not permitted when stream is capturing")

    step = ReplayedStep(EagerStep(model(), CPU, RECIPE, OBJECTIVE), fail, without_recording)

    with pytest.warns(UserWarning, match="without a CUDA graph: operation not permitted"):
        assert learn(step) == learn(EagerStep(model(), CPU, RECIPE, OBJECTIVE))


def test_running_out_of_memory_is_for_the_caller() -> None:
    def fail(run: Callable[[], Tensor]) -> Callable[[], Tensor]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        learn(ReplayedStep(EagerStep(model(), CPU, RECIPE, OBJECTIVE), fail, without_recording))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_graph_learns_what_an_eager_step_learns() -> None:
    cuda = torch.device("cuda")
    one, other = (model().to(cuda).to(memory_format=torch.channels_last) for _ in range(2))
    for network in (one, other):
        network[5].p = 0.0  # dropout draws from another place of the generator in a graph

    eager, graphed = (
        learn(EagerStep(one, cuda, RECIPE, OBJECTIVE), cuda),
        learn(make_step(other, cuda, RECIPE, OBJECTIVE), cuda),
    )

    assert graphed == pytest.approx(eager, rel=0.02)
