"""Plug-ins are loaded by Ray workers too, from their text, before the first network is read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from nas.families import load_plugin
from nas.trial import Fidelity, Scores, Task, TrialResult
from nas.workers import make_pool

if TYPE_CHECKING:
    from pathlib import Path

    from nas.workers import Evaluator, WorkerInfo

# Without a family, so that no worker has to load torch.
PLUGIN = '''
"""A record that tasks bring along."""

from dataclasses import dataclass

FAMILIES = ()


@dataclass(frozen=True)
class Thing:
    id: str
'''


@pytest.mark.xdist_group("ray")
def test_what_a_plug_in_defines_reaches_a_worker(running_ray: None, tmp_path: Path) -> None:
    def tell(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            module = type(task.arch).__module__.encode()
            scores = Scores(accuracy=0.5, loss=0.0, train_s=0.0)
            return TrialResult(number=task.number, scores=scores, weights=module)

        return evaluate

    path = tmp_path / "of_workers.py"
    path.write_text(PLUGIN)
    load_plugin(str(path))
    path.unlink()  # as on another machine
    thing = sys.modules["nas_plugin_of_workers"].Thing(id="0" * 12)
    with make_pool(1, tell, gpus_per_worker=0) as pool:
        pool.submit(Task(number=0, arch=thing, fidelity=Fidelity(epochs=1), seed=0))
        result = pool.next_result()

    assert result is not None
    assert result.weights == b"nas_plugin_of_workers"
