"""A run's networks in other people's tools: MLflow and TensorBoard."""

from __future__ import annotations

from nas.tracking._mlflow import track_in_mlflow
from nas.tracking._tensorboard import track_in_tensorboard

__all__ = ["track_in_mlflow", "track_in_tensorboard"]
