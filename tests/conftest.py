"""What holds for every test process."""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import threading
from typing import TYPE_CHECKING

import hypothesis
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Small networks run faster on one thread than on threads that wait for each other. Read when
# torch is first imported, which is after this.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Ray puts its workers last in line, behind the other tests' processes: a training of a second
# then takes a minute and more.
os.environ.setdefault("RAY_worker_niceness", "0")

# The same examples in every run, however busy the machine is.
hypothesis.settings.register_profile("nas", deadline=None, derandomize=True)
hypothesis.settings.load_profile("nas")

# How wide the terminal is that the tests were started from says nothing about the output.
os.environ.pop("COLUMNS", None)

# A background job of a shell ignores Ctrl-C, one under `nohup` the end of its terminal, and all
# their children with them; some tests send these signals.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --seed 7`: a statistical bound has to hold whatever is drawn."""
    parser.addoption("--seed", type=int, default=0, help="what every test is seeded with")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Thousands of tests are made, and all stay: looking for cycles takes a tenth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a file run in one process, where what they share is made once.

    Those that share more, as a Ray, bear the mark of their group.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.fixture(autouse=True)
def seeded_and_alone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test draws the same numbers, on one thread, whatever ran before it."""
    import torch

    seed = request.config.getoption("--seed")
    random.seed(seed)
    np.random.seed(seed)
    before, on_ctrl_c = torch.get_num_threads(), signal.getsignal(signal.SIGINT)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, on_ctrl_c)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are killed here, not machines: what was written is there without fsync."""
    monkeypatch.setattr("os.fsync", lambda file: None)


@pytest.fixture(autouse=True, scope="module")
def plugins_forgotten() -> Iterator[None]:
    """Families that a test file added are unknown to the next one."""
    yield
    plugins = sys.modules.get("nas.families._plugins")
    if plugins is None or not plugins._loaded:
        return
    from nas.families import registry

    ours = {family.name for family in registry.BUILT_IN}
    for name in set(registry._families) - ours:
        kinds = {options.kind for options in registry._families.pop(name).options}
        for known in registry._components.values():
            for kind in kinds:
                known.pop(kind, None)
    plugins._loaded.clear()


_FRONTS = (("nas.report._report", "plot_front"), ("nas.final._train_run", "draw_front"))


@pytest.fixture
def whole_pictures() -> None:
    """For tests that look at the picture of a front."""


@pytest.fixture(autouse=True)
def small_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing a front takes as long as searching a small space, and few tests look at it."""
    if "whole_pictures" in request.fixturenames:
        return
    for module, draw in _FRONTS:
        if module in sys.modules:
            monkeypatch.setattr(sys.modules[module], draw, _draw_dot)


def _draw_dot(path: Path, *data: object, **options: object) -> None:
    from matplotlib.figure import Figure

    from nas.report._files import replacing

    with replacing(path) as draft:
        Figure((0.1, 0.1)).savefig(draft, format="png")


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    """480 blob images in four classes, no test arrays."""
    from tests.small_data import blobs

    images, labels = blobs(480)
    path = tmp_path / "blobs.npz"
    np.savez(path, images=images, labels=labels)
    return path


@pytest.fixture
def own_metrics() -> Iterator[None]:
    """Metrics that a test registers are gone after it."""
    from nas.metrics import _table

    before = dict(_table._TABLE)
    yield
    _table._TABLE.clear()
    _table._TABLE.update(before)
