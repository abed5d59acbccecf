"""A `nas` space for users of Ray Tune: a `param_space`, and a trainable that understands it.

from ray import tune
from nas.space import load_space
from nas.tune import param_space, proxy_trainable

space = load_space("lru_vgnet_small")
tuner = tune.Tuner(
proxy_trainable(space, "fashion_mnist"),
param_space=param_space(space),
tune_config=tune.TuneConfig(metric="accuracy", mode="max", num_samples=50),
)
best = tuner.fit().get_best_result()
print(architecture(space, best.config).id)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cost import cost_of
from nas.data import load_data
from nas.errors import OptionError
from nas.families import load_plugins, loaded_plugins
from nas.model import build_model
from nas.proxy import train_proxy
from nas.space import is_legal, parse_space
from nas.train import proxy_seed, seeded
from nas.trial import DEFAULT_FIDELITY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nas.arch import Architecture
    from nas.space import SearchSpace
    from nas.trial import Fidelity


def param_space(space: SearchSpace) -> dict[str, Any]:
    """One `tune.choice` for each open value, under its path."""
    from ray import tune

    return {gene.name: tune.choice(list(gene.labels)) for gene in space.genes}


def architecture(space: SearchSpace, config: Mapping[str, Any]) -> Architecture:
    """The network that a configuration of `param_space` describes.

    Raises:
        OptionError: A value is missing, or none of its options.
        IllegalArchitecture: On use, where the values describe no network; see `is_legal`.
    """
    genome = []
    for gene in space.genes:
        if gene.name not in config:
            raise OptionError(f"config: no value for '{gene.name}'")
        if config[gene.name] not in gene.labels:
            options = ", ".join(map(str, gene.labels))
            raise OptionError(f"config['{gene.name}'] is {config[gene.name]!r} (known: {options})")
        genome.append(gene.labels.index(config[gene.name]))
    return space.decode(tuple(genome))


def proxy_trainable(
    space: SearchSpace,
    data: str,
    *,
    data_dir: str | None = None,
    fidelity: Fidelity = DEFAULT_FIDELITY,
    seed: int = 0,
    device: str = "cpu",
) -> Callable[[dict[str, Any]], None]:
    """A function trainable that reports accuracy, loss, params and macs of a configuration.

    Values that describe no network report accuracy 0 and legal 0.

    Args:
        space: Of `param_space`.
        data: As `load_data` takes it, on the workers.
        data_dir: Where a known data set's files are.
        fidelity: How each network is trained.
        seed: Of all trainings.
        device: As torch names it.
    """
    text, source, name, plugins = space.text, space.source, space.name, loaded_plugins()

    def trainable(config: dict[str, Any]) -> None:
        import torch
        from ray import tune

        load_plugins(plugins)
        torch.set_num_threads(1)
        tune.report(_evaluate(parse_space(text, source=source, name=name), config))

    def _evaluate(read: SearchSpace, config: dict[str, Any]) -> dict[str, Any]:
        arch = architecture(read, config)
        if not is_legal(arch):
            return {"accuracy": 0.0, "loss": 1e9, "params": 0, "macs": 0, "legal": 0}
        loaded = load_data(data, data_dir=Path(data_dir) if data_dir else None)
        fixed, (channels, _, _) = proxy_seed(arch.id, seed), loaded.input_shape
        with seeded(fixed):
            model = build_model(arch, in_channels=channels, num_classes=loaded.num_classes)
        scores = train_proxy(model, loaded, fidelity, seed=fixed, device=device)
        cost = cost_of(arch, input_shape=loaded.input_shape, num_classes=loaded.num_classes)
        return {
            "accuracy": scores.accuracy,
            "loss": scores.loss,
            "params": cost.params,
            "macs": cost.macs,
            "legal": 1,
            "arch_id": arch.id,
        }

    return trainable
