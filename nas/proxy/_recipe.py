"""The proxy's recipe: a short training with a schedule of its own, fully annealed within it.

An annealed short run ranks networks far better than the first epochs of a long one. AdamW is
used because it trains deep stages of reused layers at the same learning rate as everything
else: at the rate that suits most networks, SGD with momentum fails on these.
"""

from __future__ import annotations

from nas.train import Augmentation, Optimizer, Recipe, Regularization, Schedule
from nas.trial import Fidelity

LEARNING_RATE = 0.02
"""Peak for a batch of 32; other batch sizes scale it by the square root of their ratio."""
PROXY_SCHEDULE = Schedule(shape="linear", warm_up=0.2)
AUGMENT_FROM_EPOCHS = 16
"""Shorter runs see the images as they are: at 2 and at 8 epochs, shifting them costs accuracy."""


def proxy_recipe(
    fidelity: Fidelity,
    num_images: int,
    *,
    rate: float = LEARNING_RATE,
    augment_from_epochs: int = AUGMENT_FROM_EPOCHS,
) -> Recipe:
    """How a proxy of this fidelity is trained where there are `num_images` to train with.

    Its length counts in steps: where there are fewer images than it asks for, it sees them more
    often, so that 300 images and 60,000 both train something.
    """
    augmented = fidelity.epochs >= augment_from_epochs
    wanted = fidelity.train_images or num_images
    batch = min(fidelity.batch_size, wanted)
    return Recipe(
        name="proxy",
        steps=fidelity.epochs * (wanted // batch),
        batch_size=batch,
        optimizer=Optimizer(name="adamw", rate=rate, rate_batch=32, weight_decay=0.05),
        schedule=PROXY_SCHEDULE,
        augmentation=Augmentation(crop=0.125 if augmented else 0.0, flip=augmented),
        regularization=Regularization(label_smoothing=0.1, class_weights=fidelity.class_weights),
        loss=fidelity.loss,
    )
