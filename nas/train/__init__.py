"""Training and scoring of networks on images."""

from nas.train._augment import augment, resized
from nas.train._evaluate import evaluate_model
from nas.train._loop import DEFAULT_FIDELITY, learning_rates, train_proxy
from nas.train._seeds import proxy_seed, seeded

__all__ = [
    "DEFAULT_FIDELITY",
    "augment",
    "evaluate_model",
    "learning_rates",
    "proxy_seed",
    "resized",
    "seeded",
    "train_proxy",
]
