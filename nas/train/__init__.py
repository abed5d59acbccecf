"""Training and scoring of networks on images: recipes, tasks, the loop, and its checkpoints."""

from nas.train._allocator import keep_freed_memory
from nas.train._augment import Augmenter, Normalizer, resized, resized_sides
from nas.train._checkpoint import Checkpoint, data_digest
from nas.train._device import on_device, slice_of
from nas.train._evaluate import evaluate_model, measure_model, missed_classes
from nas.train._fast_cpu import fast_cpu_kernels
from nas.train._full import EpochRecord, Trained, train_model
from nas.train._heads import head_fault
from nas.train._kernels import KernelChoice, KernelsWanted
from nas.train._losses import find_loss, register_loss, task_with
from nas.train._memory import memory_bytes
from nas.train._recipe import (
    Augmentation,
    Distillation,
    Optimizer,
    RandAugment,
    Recipe,
    Regularization,
    Schedule,
    learning_rates,
)
from nas.train._recipe_files import dump_recipe, load_recipe, parse_recipe, recipe_catalogue
from nas.train._seeds import proxy_seed, seeded
from nas.train._task import CLASSIFICATION, LearningTask, Loss, check_class_weights
from nas.train._tasks import IGNORED, TASKS, task_of
from nas.train._training import Training, TrainingSetup, check_recipe

__all__ = [
    "check_class_weights",
    "check_recipe",
    "CLASSIFICATION",
    "IGNORED",
    "TASKS",
    "Augmentation",
    "Augmenter",
    "Checkpoint",
    "Distillation",
    "EpochRecord",
    "KernelChoice",
    "KernelsWanted",
    "LearningTask",
    "Loss",
    "Normalizer",
    "Optimizer",
    "RandAugment",
    "Recipe",
    "Regularization",
    "Schedule",
    "Trained",
    "Training",
    "TrainingSetup",
    "data_digest",
    "dump_recipe",
    "evaluate_model",
    "fast_cpu_kernels",
    "find_loss",
    "head_fault",
    "keep_freed_memory",
    "learning_rates",
    "memory_bytes",
    "load_recipe",
    "measure_model",
    "missed_classes",
    "on_device",
    "parse_recipe",
    "proxy_seed",
    "recipe_catalogue",
    "register_loss",
    "resized",
    "resized_sides",
    "seeded",
    "slice_of",
    "task_of",
    "task_with",
    "train_model",
]
