from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import nas
from nas.data import load_data
from nas.errors import OptionError
from nas.model import build_model
from nas.proxy import Evaluator, train_proxy
from nas.space import parse_space
from nas.train import _losses, seeded
from nas.trial import Fidelity, Task

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from nas.data import ImageData

NETWORK = """
stem: {conv: {channels: 8, stride: 2}}
stages:
  - {channels: 8, depth: 1, stride: 1, block: separable}
head: gap_linear
"""
FIDELITY = Fidelity(epochs=2, batch_size=8)
ARCH = parse_space(NETWORK, source="f.yaml", name="f").decode(())


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_losses, "_LOSSES", {})


@pytest.fixture
def steps(tmp_path: Path) -> ImageData:
    """The brighter, the higher the class; nine in ten are of class 0."""
    labels = np.where(np.arange(120) % 10 == 9, 1, 0)
    noise = np.random.default_rng(0).integers(0, 40, (120, 8, 8), dtype=np.uint8)
    path = tmp_path / "steps.npz"
    np.savez(path, images=noise + (30 * labels).astype(np.uint8)[:, None, None], labels=labels)
    return load_data(str(path))


def never(outputs: Tensor, targets: Tensor, **ignored: Any) -> Tensor:
    """Learns that every image is of class 1."""
    return functional.cross_entropy(outputs.float(), torch.ones_like(targets))


def predictions(data: ImageData, fidelity: Fidelity) -> Tensor:
    with seeded(0):
        model = build_model(ARCH, in_channels=1, num_classes=2)
    train_proxy(model, data, fidelity, seed=0)
    mean, std = (torch.tensor(one).view(1, -1, 1, 1) for one in (data.mean, data.std))
    with torch.inference_mode():
        guesses: Tensor = model.eval()((data.val.pixels.float() / 255 - mean) / std).argmax(1)
    return guesses


def test_a_proxy_learns_by_a_loss_of_ones_own(steps: ImageData) -> None:
    nas.register_loss("never", never)
    assert predictions(steps, replace(FIDELITY, loss="never")).tolist() == [1] * len(steps.val)
    assert predictions(steps, FIDELITY).float().mean() < 0.5


def test_names_are_explicit(steps: ImageData) -> None:
    with pytest.raises(OptionError, match=r"`loss` focal: nobody has registered it \(known: none"):
        predictions(steps, replace(FIDELITY, loss="focal"))
    nas.register_loss("never", never)
    nas.register_loss("never", never)
    with pytest.raises(OptionError, match="another one has this name"):
        nas.register_loss("never", lambda outputs, targets, **ignored: outputs.sum())
    with pytest.raises(OptionError, match="letters, digits"):
        nas.register_loss("my loss", never)


def test_balanced_class_weights_find_the_rare_class(steps: ImageData) -> None:
    """After few steps the plain loss has only learned that most are of class 0."""
    short = replace(FIDELITY, epochs=1)
    plain = predictions(steps, short)
    balanced = predictions(steps, replace(short, class_weights="balanced"))
    rare = steps.val.labels == 1
    assert int(balanced[rare].sum()) >= int(plain[rare].sum())
    assert not torch.equal(plain, balanced)


def test_scores_are_means_over_folds(steps: ImageData) -> None:
    evaluate = Evaluator(steps)
    task = Task(number=0, arch=ARCH, fidelity=FIDELITY, seed=0)
    single, folded = (
        evaluate(replace(task, fidelity=replace(FIDELITY, folds=folds))) for folds in (1, 3)
    )
    assert single.scores is not None
    assert folded.scores is not None
    assert folded.weights == single.weights
    assert folded.scores.loss != single.scores.loss
    shares = folded.scores.accuracy * 3 * len(steps.val)
    assert shares == pytest.approx(round(shares))
    assert evaluate(replace(task, fidelity=replace(FIDELITY, folds=9))).failure is not None
