"""Trains in full, slowly enough to be killed: python -m tests.final.killed_training MODEL ..."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

from nas.final import plan_training, train_network

if __name__ == "__main__":
    model, recipe, data, out = sys.argv[1:]
    torch.set_num_threads(1)
    plan = plan_training(model, recipe=recipe, data=data, device="cpu")
    train_network(plan, Path(out), on_epoch=lambda job, record: time.sleep(0.5))
