"""`import nas`: what it loads, what it offers, and a search from a few lines of Python."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import fields
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nas
from nas.data import DataOptions
from nas.errors import OptionError, RunFolderError
from nas.search import _probe
from tests.search.small import SMALL

if TYPE_CHECKING:
    from nas.report import Snapshot


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """A small space on small data: the arguments of `nas.search`."""
    monkeypatch.setattr(_probe, "PROBE_SETTINGS", 200)
    monkeypatch.setattr(_probe, "DESCENT_STEPS", 20)
    labels = np.arange(90) % 3
    noise = np.random.default_rng(0).integers(0, 40, (90, 8, 8), dtype=np.uint8)
    images = noise + (90 * labels).astype(np.uint8)[:, None, None]
    np.savez(tmp_path / "steps.npz", images=images, labels=labels)
    (tmp_path / "small.yaml").write_text(SMALL)
    return {
        "space": tmp_path / "small.yaml",
        "data": tmp_path / "steps.npz",
        "epochs": 2,
        "train_images": 90,
        "budget": 3,
        "workers": "local",
        "out": tmp_path / "run",
    }


def loaded_by(program: str) -> set[str]:
    """The modules that a fresh Python has loaded after running `program`."""
    code = f"{program}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_nas_loads_nothing_heavy() -> None:
    bare = loaded_by("")
    added = loaded_by("import nas") - bare

    heavy = {"torch", "ray", "optuna", "numpy", "scipy", "matplotlib", "rich", "typer", "yaml"}
    assert added & heavy == set()
    assert {name for name in added if name.startswith("nas.")} == set()


def test_spaces_and_costs_load_neither_torch_nor_ray() -> None:
    program = (
        "import nas\n"
        "space = nas.load_space('lru_vgnet')\n"
        "arch = nas.load_architecture('lrunet_1_1x')\n"
        "cost = nas.cost_of(arch, input_shape=(1, 28, 28), num_classes=10)\n"
        "assert space.is_open and cost.params > 1000"
    )
    assert loaded_by(program) & {"torch", "ray", "optuna", "matplotlib"} == set()


@pytest.mark.parametrize("words", ["--help", "spaces", "search --space lru_vgnet --sampler x"])
def test_cheap_commands_load_nothing_heavy(words: str) -> None:
    program = (
        "import io, sys, contextlib\n"
        f"sys.argv = ['nas', *{words!r}.split()]\n"
        "from nas.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main()"
    )
    heavy = {"torch", "ray", "optuna", "matplotlib", "scipy"}
    assert loaded_by(program) & heavy == set()


def test_every_name_is_there_and_documented() -> None:
    for name in nas.__all__:
        item = getattr(nas, name)
        assert item is not None
        assert name == "__version__" or item.__doc__, name
    assert set(nas.__all__) <= set(dir(nas))
    assert nas.__version__ == metadata.version("reuse-nas")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'nas' has no attribute 'serch'"):
        getattr(nas, "serch")  # noqa: B009 - `nas.serch` would be a useless expression


def test_the_functions_keep_their_names_whatever_is_imported() -> None:
    import nas.search
    import nas.train

    assert callable(nas.search)
    assert nas.search.__name__ == "search"


def test_a_search_from_python(small: dict[str, object], tmp_path: Path) -> None:
    seen: list[Snapshot] = []
    run = nas.search(**small, on_progress=seen.append)  # type: ignore[arg-type]

    assert seen[-1].finished == 3
    assert (run.state, run.num_evaluated) == ("finished", 3)
    front = run.front()
    assert front
    assert [one.scores.accuracy for one in front] == sorted(
        (one.scores.accuracy for one in front), reverse=True
    )
    assert run.pick("best")[0] == front[0]
    assert [one.state for one in run.trials()].count("complete") == 3
    (files,) = run.export("best", tmp_path / "export")
    assert files.module.exists()
    assert run.report().hypervolume == run.hypervolume() > 0
    assert nas.open_run(tmp_path / "run").front() == front


def test_a_member_of_the_front_is_a_network_with_its_weights(small: dict[str, object]) -> None:
    import torch

    (member, *_) = nas.search(**small).front()  # type: ignore[arg-type]
    model = member.model()

    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 3)
    assert not model.training
    assert sum(one.numel() for one in model.parameters()) == member.cost.params


def test_trials_become_a_data_frame(small: dict[str, object]) -> None:
    run = nas.search(**small)  # type: ignore[arg-type]
    frame = run.dataframe()

    complete = frame[frame.state == "complete"]
    assert list(complete.index) == [one.number for one in run.trials() if one.state == "complete"]
    assert (complete.params > 0).all()
    assert complete.accuracy.between(0, 1).all()
    assert {gene.name for gene in run.problem.space.genes} <= set(frame.columns)


def test_a_finished_search_goes_on_with_a_larger_budget(small: dict[str, object]) -> None:
    run = nas.search(**small)  # type: ignore[arg-type]
    before = {one.arch.id for one in run.trials() if one.state == "complete"}
    larger = run.resume(budget=5, workers="local")

    after = {one.arch.id for one in larger.trials() if one.state == "complete"}
    assert before < after
    assert (larger.num_evaluated, larger.settings.budget) == (5, 5)
    assert nas.open_run(run.path).settings.budget == 5
    with pytest.raises(OptionError, match="`budget` 4: 5 networks are evaluated already"):
        larger.resume(budget=4, workers="local")


def test_limits_are_numbers_or_text(small: dict[str, object]) -> None:
    run = nas.search(**small, limits={"params": "1k", "accuracy": 0.05})  # type: ignore[arg-type]

    assert [str(limit) for limit in run.problem.limits] == ["params <= 1,000", "accuracy >= 0.05"]
    assert all(one.cost.params <= 1000 for one in run.front())


def test_a_metric_of_ones_own_is_searched_for(small: dict[str, object], own_metrics: None) -> None:
    def depth(arch: object, shape: tuple[int, int, int], num_classes: int) -> float:
        return sum(stage.depth for stage in arch.stages)  # type: ignore[attr-defined]

    nas.register(
        nas.Metric(name="total_depth", direction="minimize", unit="blocks", compute=depth)
    )
    run = nas.search(**small, objectives=["accuracy", "total_depth"])  # type: ignore[arg-type]

    for member in run.front():
        assert member.cost.custom == {"total_depth": depth(member.arch, (1, 8, 8), 3)}
    run.report()
    assert "total_depth" in (run.path / "front.csv").read_text().splitlines()[0]


def test_mistakes_are_found_before_anything_is_made(
    small: dict[str, object], tmp_path: Path
) -> None:
    for changed, said in (
        ({"sampler": "modle"}, "`sampler`: unknown sampler 'modle', did you mean 'model'"),
        ({"budget": 0}, "`budget` 0: a search needs a budget"),
        ({"limits": {"parms": 3}}, "unknown metric 'parms', did you mean 'params'"),
        ({"epochs": 0}, "`epochs` 0: write a whole number"),
    ):
        with pytest.raises(OptionError, match=said):
            nas.search(**small | changed)  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_runs_are_listed_the_latest_first(small: dict[str, object], tmp_path: Path) -> None:
    for name in ("one", "two"):
        nas.search(**small | {"out": tmp_path / "runs" / name})  # type: ignore[arg-type]
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "search.json").write_text("{")

    assert [run.path.name for run in nas.list_runs(tmp_path / "runs")] == ["two", "one"]
    assert nas.list_runs(tmp_path / "nowhere") == ()


def test_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no such run folder"):
        nas.open_run(tmp_path / "run")


def test_python_m_nas_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nas", "--version"], capture_output=True, text=True, check=True
    )
    lines = dict(line.split(" ", 1) for line in done.stdout.splitlines())

    assert lines["nas"] == nas.__version__
    assert {"torch", "optuna", "ray", "Python"} <= set(lines)


def test_a_search_leaves_signal_handlers_alone(small: dict[str, object]) -> None:
    import signal

    watched = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(one) for one in watched]
    during: list[object] = []
    nas.search(
        **small,  # type: ignore[arg-type]
        on_progress=lambda _: during.append([signal.getsignal(one) for one in watched]),
    )

    assert [signal.getsignal(one) for one in watched] == before
    assert all(one == before for one in during)


def test_ctrl_c_raises_and_keeps_what_is_finished(
    small: dict[str, object], tmp_path: Path
) -> None:
    def stop(snapshot: Snapshot) -> None:
        if snapshot.finished == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="finished networks are kept"):
        nas.search(**small, on_progress=stop)  # type: ignore[arg-type]
    run = nas.open_run(tmp_path / "run")
    assert run.state == "stopped"
    assert run.resume(workers="local").state == "finished"


NAMES = {"run": "path", "materialize": "materialized"}
"""What the command line calls otherwise."""
OTHER_MEANS = {
    # Of several verbs in one.
    *("context", "quiet", "as_json", "limits", "limit", "finalists", "resume", "modules"),
    # `nas.load_architecture` and the next call.
    *("name", "classes"),
}


def verbs() -> list[Any]:
    from nas.cli._models import cost
    from nas.cli._results import export
    from nas.cli._search import resume, search
    from nas.cli._train import train

    return [
        pytest.param(search, (nas.search,), {}, id="search"),
        pytest.param(resume, (nas.Run.resume, nas.open_run), {}, id="resume"),
        # One seed of a network, three of each of a run's finalists.
        pytest.param(train, (nas.train,), {"seeds": None}, id="train"),
        # Left out beside RUN:ID, `knee` otherwise.
        pytest.param(export, (nas.Run.export, nas.open_run), {"pick": None}, id="export"),
        pytest.param(cost, (nas.cost_of, nas.load_architecture), {"input_shape": None}, id="cost"),
    ]


@pytest.mark.parametrize(("verb", "functions", "decided"), verbs())
def test_python_takes_what_the_command_takes(
    verb: Any, functions: tuple[Any, ...], decided: dict[str, object]
) -> None:
    """By the same names, with the same defaults but for what the command decides itself."""
    images = {field.name for field in fields(DataOptions)}
    asked = {
        NAMES.get(name, name): default
        for name, default in defaults_of(verb).items()
        if name not in OTHER_MEANS | images and not name.startswith("limit_")
    }
    taken = {name: one for each in functions for name, one in defaults_of(each).items()}

    assert set(asked) - set(taken) == set()
    assert {name: one for name, one in asked.items() if taken[name] != one} == decided


def defaults_of(function: Any) -> dict[str, object]:
    """Lists are tuples, whichever way they are written."""
    found = {name: one.default for name, one in inspect.signature(function).parameters.items()}
    plain: dict[str, object] = {}
    for name, one in found.items():
        words = one.split(",") if isinstance(one, str) and "," in one else one
        plain[name] = tuple(words) if isinstance(words, list) else words
    return plain


def test_images_are_read_as_the_command_reads_them() -> None:
    from nas.cli._data_options import data_options
    from nas.cli._networks import DEFAULT_IMAGES, shown_shape
    from nas.cli._search import search

    names = inspect.signature(data_options).parameters
    assert data_options(**{name: defaults_of(search)[name] for name in names}) == DataOptions()  # type: ignore[arg-type]
    of_costs, of_models = defaults_of(nas.cost_of), defaults_of(nas.build_model)
    shape, classes = of_costs["input_shape"], of_costs["num_classes"]
    assert (shown_shape(shape), classes) == DEFAULT_IMAGES  # type: ignore[arg-type]
    assert (of_models["in_channels"], of_models["num_classes"]) == (shape[0], classes)  # type: ignore[index]


def test_a_deployment_is_searched_for(small: dict[str, object]) -> None:
    run = nas.search(**small, deploy="materialized")

    assert {trial.cost.deploy for trial in run.trials() if trial.cost} == {"materialized"}
