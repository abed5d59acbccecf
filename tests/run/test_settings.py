from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nas.errors import OptionError
from nas.metrics import Limit
from nas.records import read_record
from nas.run import SearchSettings, WorkerConfig, parse_workers
from nas.trial import Fidelity
from nas.units import parse_count

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("text", "count"),
    [("1", 1), ("50000", 50_000), ("100k", 100_000), ("1.5M", 1_500_000), (" 2g ", 2 * 10**9)],
)
def test_counts_may_have_a_suffix(text: str, count: int) -> None:
    assert parse_count(text, "--max-params") == count


@pytest.mark.parametrize("text", ["", "0", "-5", "1.5", "0.0001k", "1e3", "100kk", "100 000", "x"])
def test_a_count_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(OptionError) as refused:
        parse_count(text, "--max-params")
    assert str(refused.value) == (
        f"--max-params {text}: write a whole number above 0, as in 50000, 100k or 1.5M"
    )


def test_workers_are_local_or_a_number() -> None:
    assert (parse_workers(None), parse_workers("local"), parse_workers("3")) == (None, "local", 3)


@pytest.mark.parametrize("text", ["", "0", "-1", "Local", "2.5", "²"])
def test_other_workers_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="write local, or a number of workers of at least 1"):
        parse_workers(text)


def test_settings_survive_a_journey_through_json(
    settings: Callable[..., SearchSettings],
) -> None:
    full = settings(
        overrides=("stages.0.depth=1",),
        limits=(Limit(name="params", maximum=500),),
        fidelity=Fidelity(epochs=2, train_images=100),
        storage="sqlite:///x.db",
    )

    assert read_record(SearchSettings, json.loads(json.dumps(full.to_plain()))) == full


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"budget": 0}, "`budget` 0: a search needs a budget of at least 1 network"),
        ({"budget": -3}, "`budget` -3: a search needs"),
        ({"sampler": "evolutio"}, "unknown sampler 'evolutio', did you mean 'evolution'"),
        ({"sampler": "x"}, r"unknown sampler 'x' \(known: model, "),
        ({"task_timeout_s": 0.0}, "`task_timeout_s` 0: write a number of seconds above 0"),
        ({"task_timeout_s": float("nan")}, "`task_timeout_s` nan"),
    ],
)
def test_settings_no_search_can_have_are_refused(
    settings: Callable[..., SearchSettings], changed: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        settings(**changed)


def test_a_placement_that_no_pool_can_be_is_refused_before_anything_is_written() -> None:
    with pytest.raises(OptionError, match="`address` h:1 would do nothing"):
        WorkerConfig(workers="local", address="h:1")
    with pytest.raises(OptionError, match="`cpus_per_worker` 0: write a number above 0"):
        WorkerConfig(cpus_per_worker=0)
