from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from nas.train import CLASSIFICATION, TASKS, Distillation
from nas.train._objective import DistillationObjective, Objective

OUTPUTS = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
LABELS = torch.tensor([0, 2])
INPUTS = torch.tensor([[1.0, 0.0], [0.0, 1.0]])


def teacher() -> nn.Linear:
    layer = nn.Linear(2, 3, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 2.0], [0.0, 1.0]]))
    return layer


def test_without_a_teacher_it_is_cross_entropy() -> None:
    loss = Objective(CLASSIFICATION, smoothing=0.0)(OUTPUTS, LABELS, INPUTS)

    assert loss == functional.cross_entropy(OUTPUTS, LABELS)


def test_soft_targets_and_labels_agree_where_they_say_the_same() -> None:
    objective = Objective(CLASSIFICATION, smoothing=0.1)
    soft = functional.one_hot(LABELS, 3).float()

    assert objective(OUTPUTS, soft, INPUTS) == pytest.approx(
        objective(OUTPUTS, LABELS, INPUTS).item()
    )


def test_distillation_is_the_formula_of_its_paper() -> None:
    settings = Distillation(weight=0.6, temperature=2.0)
    objective = DistillationObjective(CLASSIFICATION, teacher(), settings, smoothing=0.0)

    wanted, answered = (
        torch.softmax(logits / 2, 1) for logits in (INPUTS @ teacher().weight.T, OUTPUTS)
    )
    gap = (wanted * (wanted / answered).log()).sum(1).mean()
    expected = 0.4 * functional.cross_entropy(OUTPUTS, LABELS) + 0.6 * 4 * gap
    assert objective(OUTPUTS, LABELS, INPUTS).item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_student_that_answers_as_its_teacher_has_nothing_to_learn_from_it() -> None:
    objective = DistillationObjective(
        CLASSIFICATION, teacher(), Distillation(weight=1.0), smoothing=0.0
    )

    same = INPUTS @ teacher().weight.T

    assert objective(same, LABELS, INPUTS).item() == pytest.approx(0, abs=1e-6)


def test_teachers_are_never_trained() -> None:
    one = teacher().train()
    outputs = OUTPUTS.clone().requires_grad_()

    DistillationObjective(CLASSIFICATION, one, Distillation(), smoothing=0.0)(
        outputs, LABELS, INPUTS
    ).backward()

    assert not one.training
    assert one.weight.grad is None
    assert outputs.grad is not None


@pytest.mark.parametrize(
    ("task", "outputs", "teaches", "wrong"),
    [
        ("multilabel", [[3.0, -2.0]], [[3.0, -2.0]], [[-3.0, 2.0]]),
        ("regression", [[0.5]], [[0.5]], [[2.5]]),
        ("segmentation", [[[[4.0]], [[0.0]]]], [[[[4.0]], [[0.0]]]], [[[[0.0]], [[4.0]]]]),
    ],
)
def test_a_teacher_is_imitated_as_the_task_has_it(
    task: str, outputs: Any, teaches: Any, wrong: Any
) -> None:
    """Where the student answers alike nothing pulls; a single number too has something to say."""
    gaps, pulls = [], []
    for wanted in (teaches, wrong):
        answered = torch.tensor(outputs, requires_grad=True)
        gap = TASKS[task].imitation(answered, torch.tensor(wanted), 2.0)
        gap.backward()
        assert answered.grad is not None
        gaps.append(gap.item())
        pulls.append(float(answered.grad.abs().max()))
    assert pulls[0] == pytest.approx(0, abs=1e-6)
    assert pulls[1] > 0.3
    assert gaps[1] > gaps[0] + 1


def test_masks_count_a_pixel_as_much_as_an_image() -> None:
    """Whatever their size: of the weight that the teacher has, none hangs on the resolution."""
    answered, wanted = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    imitation = TASKS["segmentation"].imitation

    small = imitation(answered, wanted, 4.0)
    large = imitation(answered.repeat(1, 1, 3, 3), wanted.repeat(1, 1, 3, 3), 4.0)

    assert large.item() == pytest.approx(small.item(), rel=1e-5)
    assert imitation(answered, wanted[:, :, ::2, ::2], 4.0).isfinite()


def test_a_teacher_of_several_heads_is_joined() -> None:
    def heads(inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return inputs[:, :1], inputs[:, 1:]

    module = nn.Module()
    module.forward = heads  # type: ignore[method-assign]
    objective = DistillationObjective(
        TASKS["regression"], module, Distillation(weight=1.0), smoothing=0.0
    )

    assert objective(INPUTS + 1, INPUTS, INPUTS).item() == pytest.approx(1.0)
