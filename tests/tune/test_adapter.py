from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from nas.errors import OptionError
from nas.space import is_legal, parse_space
from nas.trial import Fidelity
from nas.tune import architecture, param_space, proxy_trainable
from nas.workers import open_ray
from tests.search.small import SMALL

if TYPE_CHECKING:
    from pathlib import Path

    from nas.space import SearchSpace

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def space() -> SearchSpace:
    return parse_space(SMALL, source="small.yaml", name="small")


def test_every_open_value_is_a_choice_and_leads_back_to_its_network(space: SearchSpace) -> None:
    domains, rng = param_space(space), random.Random(0)

    assert list(domains) == [gene.name for gene in space.genes]
    for _ in range(20):
        genome = space.random_genome(rng)
        config = {
            gene.name: gene.labels[index] for gene, index in zip(space.genes, genome, strict=True)
        }
        assert all(config[name] in domain.categories for name, domain in domains.items())
        if is_legal(space.decode(genome)):
            assert architecture(space, config).id == space.decode(genome).id


def test_values_that_are_none_of_its_options_are_refused(space: SearchSpace) -> None:
    config = {gene.name: gene.labels[0] for gene in space.genes}

    with pytest.raises(OptionError, match=r"is 99 \(known: 4, 8\)"):
        architecture(space, config | {space.genes[0].name: 99})
    with pytest.raises(OptionError, match="no value for"):
        architecture(space, {})


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_tune_searches_a_space_as_the_documentation_says(
    space: SearchSpace, tmp_path: Path, npz: Path
) -> None:
    with open_ray():
        from ray import tune

        tuner = tune.Tuner(
            proxy_trainable(space, str(npz), fidelity=Fidelity(epochs=2, batch_size=32)),
            param_space=param_space(space),
            tune_config=tune.TuneConfig(metric="accuracy", mode="max", num_samples=6),
            run_config=tune.RunConfig(storage_path=str(tmp_path), name="example", verbose=0),
        )
        results = tuner.fit()

    best = results.get_best_result()
    assert len(results) == 6
    assert not results.errors
    assert best.metrics is not None
    assert best.metrics["accuracy"] > 0.25
    assert best.metrics["arch_id"] == architecture(space, best.config).id
    assert best.metrics["params"] > 0
