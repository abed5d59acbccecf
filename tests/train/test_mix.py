from __future__ import annotations

import pytest
import torch

from nas.train import Augmentation
from nas.train._mix import mix

CLASSES = 4


def batch(count: int = 400) -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.arange(count) % CLASSES
    return labels[:, None, None, None].float().expand(-1, 1, 12, 12).contiguous(), labels


def test_mixup_blends_images_and_labels_alike() -> None:
    images, labels = batch()

    mixed, targets = mix(images, labels, Augmentation(mixup=1.0), CLASSES, progress=0)

    assert targets.sum(1).numpy() == pytest.approx(1.0)
    # Every pixel of image i is its label i, so the mean pixel is the mean label.
    expected = targets @ torch.arange(CLASSES).float()
    assert mixed.mean((1, 2, 3)).numpy() == pytest.approx(expected.numpy(), abs=1e-5)
    assert mixed.var((1, 2, 3)).max() < 1e-6
    assert ((targets > 0.05) & (targets < 0.95)).any()


def test_cutmix_pastes_rectangles_and_counts_their_pixels() -> None:
    images, labels = batch()

    mixed, targets = mix(images, labels, Augmentation(cutmix=1.0), CLASSES, progress=0)

    expected = targets @ torch.arange(CLASSES).float()
    assert mixed.mean((1, 2, 3)).numpy() == pytest.approx(expected.numpy(), abs=1e-5)
    assert set(mixed.unique().tolist()) <= {0.0, 1.0, 2.0, 3.0}
    assert mixed.var((1, 2, 3)).max() > 0.1


def test_a_ramp_begins_with_whole_images() -> None:
    images, labels = batch()
    recipe = Augmentation(mixup=1.0, mix_share=0.5, mix_ramp=0.5)

    def mixed_share(progress: float) -> float:
        _, targets = mix(images, labels, recipe, CLASSES, progress=progress)
        return float((targets.max(1).values < 1).float().mean())

    assert mixed_share(0.0) == 0
    # A partner of the same class, one in four, leaves a label whole.
    assert mixed_share(0.25) == pytest.approx(0.25 * 0.75, abs=0.08)
    assert mixed_share(0.9) == pytest.approx(0.5 * 0.75, abs=0.08)


def test_both_ways_share_the_images_fairly() -> None:
    images, labels = batch(1_000)

    mixed, targets = mix(images, labels, Augmentation(mixup=1.0, cutmix=1.0), CLASSES, progress=0)

    changed = targets.max(1).values < 1
    cut = mixed.var((1, 2, 3)) > 1e-6
    assert (cut & changed).sum() / changed.sum() == pytest.approx(0.5, abs=0.07)
