from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from nas.train import CLASSIFICATION, Distillation
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
