"""Zero-cost scores on our own table, beside parameters and MACs as rivals.

    python benchmarks/zero_cost.py

Each score looks at an untrained network once, with 64 training images: NASWOT's log determinant
of the kernel of activation patterns (Mellor et al., 2021, eq. 2), SynFlow's sum of |weight x
gradient| on an all-ones image with absolute weights (Tanaka et al., 2020, eq. 1; its logarithm),
and the norm of the loss's gradient (Abdelfattah et al., 2021, section 3.2). Kendall tau to the
mean accuracy of two seeds after full training; `residual` is tau to what a line in log
parameters and log MACs leaves over.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy.stats import kendalltau
from torch import nn
from torch.nn import functional

from nas.bench import DATA, all_networks, lru_vgnet_small
from nas.data import load_data
from nas.model import build_model
from nas.train import proxy_seed, seeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Score = Callable[[nn.Module, Tensor, Tensor], float]

IMAGES = 64


def naswot(model: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """Log determinant of how often two images switch the same ReLUs on or off."""
    patterns: list[Tensor] = []
    hooks = [
        module.register_forward_hook(lambda m, i, out: patterns.append((out > 0).flatten(1)))
        for module in model.modules()
        if isinstance(module, nn.ReLU)
    ]
    with torch.no_grad():
        model.train()(inputs)
    for hook in hooks:
        hook.remove()
    on = torch.cat(patterns, dim=1).double()
    kernel = on @ on.T + (1 - on) @ (1 - on).T
    return float(torch.linalg.slogdet(kernel).logabsdet)


def synflow(model: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """Logarithm of the summed |weight x gradient| with absolute weights and no data."""
    model = model.double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
    model(torch.ones_like(inputs[:1], dtype=torch.float64)).sum().backward()
    flow = sum(
        (p.detach() * p.grad).abs().sum().item() for p in model.parameters() if p.grad is not None
    )
    return math.log(max(flow, 1e-300))


def gradient_norm(model: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """Of the cross-entropy, over all parameters."""
    functional.cross_entropy(model.train()(inputs), labels).backward()
    squares = (float(p.grad.square().sum()) for p in model.parameters() if p.grad is not None)
    return math.sqrt(sum(squares))


SCORES: dict[str, Score] = {"naswot": naswot, "synflow": synflow, "gradient norm": gradient_norm}


def main() -> None:
    """Score every network of the table and print the comparison."""
    torch.set_num_threads(1)
    data, rows = load_data(DATA), lru_vgnet_small()
    few = data.train.first(IMAGES)
    mean, std = (torch.tensor(value).view(1, -1, 1, 1) for value in (data.mean, data.std))
    inputs = (few.pixels.float() / 255 - mean) / std
    networks = all_networks()
    signals: dict[str, list[float]] = {name: [] for name in (*SCORES, "params", "macs")}
    spent = dict.fromkeys(SCORES, 0.0)
    for arch_id, candidate in networks.items():
        for name, score in SCORES.items():
            with seeded(proxy_seed(arch_id, 0)):
                model = build_model(candidate.arch, in_channels=1, num_classes=data.num_classes)
            began = time.process_time()
            signals[name].append(score(model, inputs, few.labels))
            spent[name] += time.process_time() - began
        for name in ("params", "macs"):
            signals[name].append(math.log(getattr(candidate.cost, name)))
    wanted = np.array([float(np.mean(rows.network(arch_id).accuracies)) for arch_id in networks])
    print_table(signals, wanted, {name: cpu_s / len(networks) for name, cpu_s in spent.items()})


def print_table(
    signals: dict[str, list[float]], wanted: np.ndarray, cpu_s: dict[str, float]
) -> None:
    """Tau over all, over the best quarter, and beyond what size says."""
    table = Table(title=f"Kendall tau to full training, {len(wanted)} networks")
    for heading in ("score", "all", "top quarter", "residual", "CPU ms"):
        table.add_column(heading, justify="left" if heading == "score" else "right")
    best = wanted >= np.quantile(wanted, 0.75)
    size = np.column_stack([np.ones(len(wanted)), signals["params"], signals["macs"]])
    left = wanted - size @ np.linalg.lstsq(size, wanted, rcond=None)[0]
    for name, listed in signals.items():
        values = np.array(listed)
        table.add_row(
            name,
            f"{kendalltau(values, wanted).statistic:.2f}",
            f"{kendalltau(values[best], wanted[best]).statistic:.2f}",
            f"{kendalltau(values, left).statistic:.2f}",
            f"{1e3 * cpu_s[name]:.0f}" if name in cpu_s else "0",
        )
    Console(width=100).print(table)
    print(f"worst network: {wanted.min():.3f}; below 0.15: {(wanted < 0.15).sum()} networks")


if __name__ == "__main__":
    main()
