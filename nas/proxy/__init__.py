"""Data, augmentation and short training: how good a network is, before it is trained for long."""

from nas.proxy._augment import augment, resized
from nas.proxy._data import load_data, load_test
from nas.proxy._evaluate import evaluate_model
from nas.proxy._evaluator import Build, Evaluator
from nas.proxy._images import ImageData, Images
from nas.proxy._known import DATASETS
from nas.proxy._seeds import proxy_seed, seeded
from nas.proxy._split import stratified_order
from nas.proxy._train import DEFAULT_FIDELITY, learning_rates, train_proxy

__all__ = [
    "DATASETS",
    "DEFAULT_FIDELITY",
    "Build",
    "Evaluator",
    "ImageData",
    "Images",
    "augment",
    "evaluate_model",
    "learning_rates",
    "load_data",
    "load_test",
    "proxy_seed",
    "resized",
    "seeded",
    "stratified_order",
    "train_proxy",
]
