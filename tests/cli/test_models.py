"""`nas spaces`, `nas show` and `nas cost`: what they print, and how they refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import nas.cli
from nas.cost import cost_of
from nas.run import open_run
from nas.space import catalogue, load_architecture, load_space
from tests.run.published import PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended

    Nas = Callable[..., Ended]

TEXT = """\
name: mine
description: "[bold]plain[/bold] :x: text"
stem: {conv: {channels: 8}}
stages:
  - channels: {choice: [8, 16]}
    transition: conv
    block: {lru: {reuse: {choice: [1, 2]}, shuffle: {choice: [none, halves]}}}
head: gap_linear
"""


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_spaces_lists_every_model_file(nas: Nas) -> None:
    ended = nas("spaces")
    assert ended.status == 0
    first_words = [line.split()[0] for line in ended.out.splitlines() if line.strip()]
    assert set(catalogue()) < set(first_words)
    line = next(line for line in ended.out.splitlines() if line.startswith("lru_vgnet "))
    assert line.split()[1:3] == ["space", f"{load_space('lru_vgnet').num_settings:.2g}"]


def test_show_prints_what_is_open_and_how_much_that_is(nas: Nas, mine: Path) -> None:
    ended = nas("show", mine)
    assert ended.status == 0
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert lines[0] == "mine: [bold]plain[/bold] :x: text", "a description is no markup"
    assert "stages.0.channels 8, 16" in lines
    assert "stages.0.block.lru.shuffle none, halves" in lines
    assert "3 open values, 8 settings" in lines
    assert lines[-1].startswith("100% of them describe a network; about ")
    assert "distinct networks (standard error" in lines[-1]


def test_show_prints_what_a_network_is_made_of(nas: Nas) -> None:
    ended = nas("show", "lrunet_2_1x")
    assert ended.status == 0
    arch = load_architecture("lrunet_2_1x")
    assert f"lrunet_2_1x, architecture {arch.id}: 64 > 64 lru(reuse=2) > 128" in ended.out
    assert "channels=64, reuse=2, groups=8, shuffle=halves_interleave" in ended.out


def test_show_closes_values(nas: Nas, mine: Path) -> None:
    closed = (
        "stages.0.channels=8",
        "stages.0.block.lru.reuse=1",
        "stages.0.block.lru.shuffle=none",
    )
    ended = nas("show", mine, *(word for path in closed for word in ("--set", path)))
    assert ended.status == 0
    assert "mine, architecture" in ended.out


def test_cost_as_a_table(nas: Nas) -> None:
    ended = nas("cost", "lrunet_14_1x", "--input", "3x32x32", "--classes", "10")
    assert ended.status == 0
    rows = {line.split()[0]: line.split()[1] for line in ended.out.splitlines()[1:]}
    assert rows == {
        "params": "206,282",
        "ring_params": "0",
        "kernel_params": "124,992",
        "frozen_params": "0",
        "macs": "35,497,984",
        "peak_activation_bytes": "262,144",
        "stored_bytes": "825,128",
        "int8_stored_bytes": "450,152",
        "int8_peak_activation_bytes": "65,536",
        "int8_munas_peak_bytes": "65,536",
        "int8_arena_bytes": "65,536",
    }


def test_cost_of_rings_as_they_are_deployed(nas: Nas) -> None:
    command = ("cost", "resnet18_rpg_cifar", "--input", "3x32x32", "--classes", "10", "--json")
    generated, stored = (
        json.loads(nas(*command, "--deploy", deploy).out)
        for deploy in ("generated", "materialized")
    )
    assert generated["params"] == stored["params"]
    difference = generated["generated_params"] - generated["ring_params"]
    assert stored["stored_bytes"] - generated["stored_bytes"] == 4 * difference > 0
    assert generated["int8_ram_bytes"] - stored["int8_ram_bytes"] == 512 * 512 * 9
    refused = nas(*command, "--deploy", "stored")
    assert refused.status == 2
    assert "--deploy stored: write generated or materialized" in refused.err


def test_cost_as_json(nas: Nas) -> None:
    ended = nas("cost", "lrunet_14_1x", "--input", "1x28x28", "--classes", "10", "--json")
    arch = load_architecture("lrunet_14_1x")
    cost = cost_of(arch, input_shape=(1, 28, 28), num_classes=10)
    assert json.loads(ended.out) == {
        "name": "lrunet_14_1x",
        "id": arch.id,
        "params": cost.params,
        "ring_params": 0,
        "kernel_params": cost.kernel_params,
        "frozen_params": 0,
        "macs": cost.macs,
        "peak_activation_bytes": cost.peak_activation_bytes,
        "stored_bytes": cost.stored_bytes,
        "int8_stored_bytes": cost.int8_stored_bytes,
        "int8_peak_activation_bytes": cost.int8_peak_activation_bytes,
        "deploy": "generated",
        "generated_params": 0,
        "largest_generated": 0,
        "ram_bytes": cost.peak_activation_bytes,
        "int8_ram_bytes": cost.int8_peak_activation_bytes,
        "int8_munas_peak_bytes": cost.int8_peak_activation_bytes,
        "int8_arena_bytes": cost.int8_peak_activation_bytes,
    }


def test_cost_by_module(nas: Nas) -> None:
    ended = nas("cost", "lrunet_2_1x", "--input", "3x32x32", "--classes", "10", "--modules")
    rows = [line.split() for line in ended.out.splitlines()]
    assert ["network", "Network", "137,162", "5,515,264"] in rows
    assert ["body.0.depthwise", "Conv2d", "1,152", "589,824"] in rows
    assert ended.err == ""


def test_cost_with_overrides(nas: Nas) -> None:
    more = nas("cost", "lrunet_2_1x", "--set", "stages.*.block.lru.reuse=3", "--json")
    assert json.loads(more.out)["id"] != load_architecture("lrunet_2_1x").id


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("cost", "lrunet_14_1x", "--input", "3x32"),
            "nas: --input 3x32: write CHANNELSxHEIGHTxWIDTH, as in 3x224x224",
        ),
        (
            ("cost", "lrunet_14_1x", "--input", "0x32x32"),
            "nas: --input 0x32x32: write CHANNELSxHEIGHTxWIDTH, as in 3x224x224",
        ),
        (
            ("cost", "lrunet_14_1x", "--json", "--modules"),
            "nas: --json and --modules cannot be combined; choose one",
        ),
        (
            ("cost", "lru_vgent"),
            "nas: lru_vgent: no model file of that name, did you mean 'lru_vgnet'? (`nas spaces` "
            "lists them all; a path ending in .yaml names a file of your own)",
        ),
        (
            ("show", "lru_vgnet", "--set", "depth"),
            "nas: --set depth: write PATH=VALUE, as in stages.*.depth=2",
        ),
        (
            ("show", "lru_vgnet", "--set", "stages.*.depth=two"),
            "nas: search_spaces/lru_vgnet.yaml, as set by --set: stages.0.depth: a whole number "
            "is needed here, not 'two'",
        ),
    ],
)
def test_mistakes_end_with_one_message_and_status_2(
    nas: Nas, words: tuple[str, ...], message: str
) -> None:
    ended = nas(*words)
    assert (ended.status, ended.out, ended.err) == (2, "", message + "\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cost", "lru_vgnet"), "values are open"),
        (("cost", "lenet", "--input", "1x4x4"), "use larger images"),
        (("cost", "lrunet_14_1x", "--classes", "0"), "--classes"),
        (("cost", "lrunet_14_1x", "--classes", "ten"), "--classes"),
        (("cost",), "NAME"),
        (("coast", "lrunet_14_1x"), "coast"),
    ],
)
def test_other_mistakes(nas: Nas, words: tuple[str, ...], said: str) -> None:
    ended = nas(*words)
    assert ended.status == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_errors_in_a_file_are_shown_as_they_stand(nas: Nas, mine: Path) -> None:
    mine.write_text(TEXT.replace("reuse: {choice: [1, 2]}", "reuse: [1, 2]"), encoding="utf-8")
    ended = nas("show", mine)
    assert ended.err == (
        f"nas: {mine}:7: stages.0.block.lru.reuse: a whole number is needed here, not a list; "
        "write {choice: [...]} to leave it open\n"
    )


def test_counting_starts_fast_because_it_needs_no_torch() -> None:
    program = (
        "import sys\nfrom nas.cli import main\n"
        "sys.argv = ['nas', 'cost', 'lrunet_14_1x', '--json']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('torch', 'ray', 'optuna') if name in sys.modules])"
    )
    root = Path(nas.cli.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_spaces_and_what_they_open_as_json(nas: Nas) -> None:
    listed = json.loads(nas("spaces", "--json").out)
    shown = json.loads(nas("show", "lru_vgnet", "--json").out)

    assert {one["name"] for one in listed} == set(catalogue())
    assert int(shown["settings"]) == load_space("lru_vgnet").num_settings
    assert set(shown["open"]) == {gene.name for gene in load_space("lru_vgnet").genes}
    assert 0 < shown["legal_share"] <= 1


def test_explain_prints_type_default_meaning_and_paper(nas: Nas) -> None:
    ended = nas("explain", "block.lru.reuse")

    assert ended.status == 0
    assert "(whole number, between 1 and 256; default required)" in ended.out
    assert "How often one set of weights is applied" in ended.out
    assert "arxiv.org/abs/1901.09615" in ended.out
    assert nas("explain", "resue").status == 2


MEMBER = "7b42f8229de2"


def test_a_network_of_a_run_is_shown(nas: Nas, tmp_path: Path) -> None:
    named, drawing = f"{PUBLISHED}:{MEMBER[:6]}", tmp_path / "network.svg"
    words, plain, drawn = (
        nas("show", named),
        nas("show", named, "--json"),
        nas("show", named, "--svg", drawing),
    )

    assert f"architecture {MEMBER}: " in words.out
    assert "in_channels=1, " in words.out
    assert "for 1-channel images and 10 classes" in words.out
    assert json.loads(plain.out)["id"] == MEMBER
    assert drawn.out == f"drawn for 1x28x28 images and 10 classes: {drawing}\n"
    drawing.unlink()
    both = json.loads(nas("show", named, "--json", "--svg", drawing).out)
    assert (both["id"], both["drawing"]) == (MEMBER, str(drawing))
    assert "<svg" in drawing.read_text(encoding="utf-8")


def test_costs_of_a_runs_network_are_those_of_its_search(nas: Nas) -> None:
    (member,) = open_run(PUBLISHED).pick(MEMBER, proxies=True)
    own = json.loads(nas("cost", f"{PUBLISHED}:{MEMBER[:6]}", "--json").out)
    larger = json.loads(nas("cost", f"{PUBLISHED}:{MEMBER}", "--input", "1x56x56", "--json").out)

    assert (own["params"], own["macs"]) == (member.cost.params, member.cost.macs)
    assert larger["macs"] > own["macs"]
    assert "1x28x28 images, 10 classes" in nas("cost", f"{PUBLISHED}:{MEMBER}").out


@pytest.mark.parametrize("verb", ["show", "cost"])
def test_what_is_no_network_of_a_run_is_refused(nas: Nas, verb: str) -> None:
    for words, said in (
        ((f"{PUBLISHED}:zzz",), "zzz: no network of this run begins so; write an id from"),
        ((f"{PUBLISHED}:",), ": 200 networks of this run begin so"),
        ((f"{PUBLISHED}:{MEMBER}", "--set", "width=2"), "--set: cannot change"),
        (("nowhere:abc",), "no such model file or run; "),
    ):
        ended = nas(verb, *words)
        assert ended.status == 2
        assert said in ended.err
