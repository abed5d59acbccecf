"""What is exported for others to run: every form of it, used as its users would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from nas.errors import RunFolderError
from nas.export import Deployment, Evidence, Inputs, export_network
from nas.export._card import card_of
from nas.export._deploy import deploy_forms
from nas.export._inputs import usage_code
from nas.export._place import place_files
from nas.model import build_model, save_weights
from nas.sharing import materialize
from nas.space import parse_space
from nas.train import seeded
from nas.trial import Fidelity
from tests.export.networks import PROVENANCE
from tests.model.fill import fill
from tests.small_data import brightness_steps

if TYPE_CHECKING:
    from nas.data import ImageData
    from nas.export import Exported

FIDELITY = Fidelity(epochs=1)
EVIDENCE = Evidence(
    dataset="steps",
    accuracy=0.75,
    split="validation",
    images=40,
    training="proxy",
    trained="1 epoch over 160 images (one seed)",
)
TEXT = """
stem: {conv: {channels: 16, stride: 2}}
stages:
  - {channels: 16, depth: 2, stride: 1, block: conv}
  - {channels: 32, depth: 1, stride: 1, transition: maxpool_concat, block: {lru: {reuse: 3}}}
head: gap_linear
sharing: {scope: stage, ratio: 0.5}
"""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    return brightness_steps(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def exported(steps: ImageData, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(tmp_path_factory.mktemp("export"), steps)


def export(folder: Path, data: ImageData, *, force: bool = False) -> Exported:
    arch = parse_space(TEXT, source="f.yaml", name="small").decode(())
    with seeded(0):
        model = fill(build_model(arch, in_channels=1, num_classes=3))
    return export_network(
        folder,
        arch,
        input_shape=(1, 8, 8),
        num_classes=3,
        weights=save_weights(model),
        provenance=PROVENANCE,
        deployment=Deployment(
            inputs=Inputs.of(data), evidence=EVIDENCE, data=data, fidelity=FIDELITY
        ),
        force=force,
    )


def test_every_form_is_there(exported: Exported) -> None:
    assert {path.name.partition(".")[2] for path in exported.paths} == {
        "py",
        "yaml",
        "json",
        "safetensors",
        "onnx",
        "int8.onnx",
        "pt2",
        "md",
    }
    assert all(path.stat().st_size > 100 for path in exported.paths)


def test_all_forms_compute_the_same(exported: Exported) -> None:
    assert exported.onnx and exported.program and exported.int8
    images = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(3))
    program = torch.export.load(exported.program).module()
    exact = program(images)
    plain, small = (
        torch.from_numpy(
            onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(
                ["logits"], {"images": images.numpy()}
            )[0]
        )
        for path in (exported.onnx, exported.int8)
    )
    torch.testing.assert_close(plain, exact, rtol=1e-4, atol=1e-4)
    assert small.shape == exact.shape
    assert not torch.equal(small, exact)


def test_no_file_tells_where_it_was_made(exported: Exported) -> None:
    root = str(Path(__file__).parents[2]).encode()
    assert [path.name for path in exported.paths if root in path.read_bytes()] == []


def test_a_picture_is_classified_from_the_command_line(
    exported: Exported, steps: ImageData, tmp_path: Path
) -> None:
    """Where nas is not: as training would have prepared it, whatever its size."""
    Image.fromarray(steps.val.pixels[0, 0].numpy()).save(tmp_path / "as_it_is.png")
    Image.new("RGB", (40, 25), (200, 10, 10)).save(tmp_path / "other size.png")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-I", exported.module, "as_it_is.png", "other size.png"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert [lines[0], lines[4]] == ["as_it_is.png", "other size.png"]
    shares = {line.split()[1]: float(line.split()[0].rstrip("%")) for line in lines[1:4]}
    assert set(shares) == set(steps.class_names)

    assert exported.program is not None
    mean, std = torch.tensor(steps.mean), torch.tensor(steps.std)
    image = (steps.val.pixels[:1].float() / 255 - mean) / std
    expected = torch.export.load(exported.program).module()(image).softmax(1)[0].tolist()
    for index, name in enumerate(steps.class_names):
        assert shares[name] == pytest.approx(100 * expected[index], abs=0.02)


def test_what_is_no_picture_and_a_reader_that_has_enough_end_in_no_traceback(
    exported: Exported, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    Image.new("L", (8, 8)).save(tmp_path / "one.png")
    words = [sys.executable, "-I", str(exported.module)]
    run = [*words, "notes.txt", "none.png", "one.png"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert said[0].startswith("notes.txt: ")
    assert "cannot identify" in said[0]
    assert said[1].startswith("none.png: ")
    assert "No such file" in said[1]
    assert done.stdout.startswith("one.png\n"), "the others are classified"
    with subprocess.Popen(
        [*words, *["one.png"] * 2_000],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as program:
        assert program.stdout and program.stderr
        program.stdout.readline()
        program.stdout.close()
        assert program.stderr.read() == b""


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_read_as_training_reads_them(tmp_path: Path, channels: int) -> None:
    """Upright, transparency on white, more than 8 bits between the training images' levels."""
    from nas.data._decode import PixelFormat, decode

    rng = np.random.default_rng(0)
    colours = Image.fromarray(rng.integers(0, 256, (9, 9, 4), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    deep = Image.fromarray(rng.integers(0, 4096, (9, 9)).astype(np.uint16))
    files = [tmp_path / name for name in ("a.png", "b.png", "c.jpg", "d.jpg", "e.png", "f.tiff")]
    colours.save(files[0])
    colours.convert("RGB").quantize(16).save(files[1], transparency=3)
    colours.convert("RGB").save(files[2], exif=exif)
    colours.convert("RGB").convert("CMYK").save(files[3])
    deep.save(files[4])
    Image.fromarray(np.asarray(deep, dtype=np.float32)).save(files[5])
    form = PixelFormat(shape=(channels, 9, 9), resize="crop", levels=(0.0, 4095.0))
    wanted, bad = decode(files, form)
    assert not bad

    inputs = Inputs(
        class_names=("a",),
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        levels=(0.0, 4095.0),
    )
    code = usage_code(inputs, "Network", (channels, 9, 9), weights=False)
    namespace: dict[str, object] = {}
    exec("import torch\nfrom torch import Tensor, nn\n" + code, namespace)
    for file, pixels in zip(files, wanted, strict=True):
        read = 255 * namespace["read_image"](str(file))[0]  # type: ignore[operator]
        torch.testing.assert_close(read, pixels.float(), atol=1e-3, rtol=0, msg=file.name)


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
def test_preprocessing_is_that_of_training(steps: ImageData, resize: str) -> None:
    from nas.data._fit import resize as fit

    inputs = Inputs(
        class_names=("a",),
        mean=(0.2,),
        std=(0.3,),
        resize=resize,  # type: ignore[arg-type]
    )
    code = usage_code(inputs, "Network", (1, 6, 8), weights=False)
    namespace: dict[str, object] = {}
    exec("import torch\nfrom torch import Tensor, nn\n" + code, namespace)
    pixels = torch.randint(0, 256, (2, 1, 13, 11), generator=torch.Generator().manual_seed(0))
    made = namespace["preprocess"](pixels)  # type: ignore[operator]
    wanted = (fit(pixels.float(), (6, 8), resize) / 255 - 0.2) / 0.3  # type: ignore[arg-type]
    torch.testing.assert_close(made, wanted)


def test_the_record_holds_what_programs_ask_for(exported: Exported) -> None:
    record = json.loads(exported.record.read_text())
    assert record["evidence"]["training"] == "proxy"
    assert record["evidence"]["standard_error"] == pytest.approx((0.75 * 0.25 / 40) ** 0.5)
    assert record["inputs"]["class_names"] == ["0", "1", "2"]
    assert record["onnx"]["opset"] == 17
    assert record["cost"]["ring_params"] > 0
    assert set(record["files"]) == {path.name for path in exported.paths} - {exported.record.name}


def test_the_card_says_proxy_and_how_to_load(exported: Exported) -> None:
    assert exported.card is not None
    card = exported.card.read_text()
    for part in ("**75.00 %** validation accuracy", "standard error 6.85", "**proxy** figure"):
        assert part in card
    snippet = card.split("```python\n")[1].split("```")[0]
    snippet = snippet.replace("...", "torch.zeros(2, 1, 8, 8)", 1)
    done = subprocess.run(
        [sys.executable, "-c", "import torch\n" + snippet],
        cwd=exported.module.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("'") == 4


@pytest.mark.parametrize(
    ("task", "shape", "printed", "words"),
    [
        ("classification", (2, 3), "['b', 'b']", "3 classes"),
        ("multilabel", (2, 3), "[['a', 'b', 'c'], ['a', 'b', 'c']]", "3 classes"),
        ("segmentation", (2, 3, 4, 4), "['b']", "3 classes"),
        ("regression", (1, 3), "[{'a': 1.0, 'b': 2.0, 'c': 1.0}]", "3 numbers"),
    ],
)
def test_a_card_says_what_a_tasks_outputs_are(
    exported: Exported,
    capsys: pytest.CaptureFixture[str],
    task: str,
    shape: tuple[int, ...],
    printed: str,
    words: str,
) -> None:
    record = json.loads(exported.record.read_text())
    record["inputs"]["task"] = task
    record["evidence"] |= {"standard_error": None, "trained": "about 58 passes over 208 images"}
    card = card_of(record, {exported.module.name: 1}, "made of")
    outputs = torch.ones(shape)
    outputs[:, 1] = 2
    names: dict[str, object] = {
        "CLASS_NAMES": ("a", "b", "c"),
        "load": lambda: lambda images: outputs,
        "preprocess": lambda images: images,
    }
    snippet = card.split("```python\n")[1].split("```")[0]
    exec(snippet.partition("\n")[2], names)

    assert capsys.readouterr().out.strip() == printed
    assert words in card
    assert ("classifies" in card) == (task == "classification")
    assert ("prints its answers" in card) == (task != "classification")
    assert ("R squared" in card) == (task == "regression")
    assert "about 58 passes" in card


def test_a_card_joins_the_answers_of_several_heads(exported: Exported) -> None:
    record = json.loads(exported.record.read_text())
    record["inputs"]["task"] = "multilabel"
    record["evidence"] |= {"standard_error": None}

    card = card_of(record, {exported.module.name: 1}, "made of", several_heads=True)

    assert "```python\nimport torch\n" in card
    assert "shares = torch.cat(model(preprocess(images)), 1).sigmoid()" in card


def test_a_full_training_is_not_called_a_proxy(exported: Exported) -> None:
    record = json.loads(exported.record.read_text())
    record["evidence"] |= {"training": "full", "split": "test", "seeds": 3, "deviation": 0.004}
    card = card_of(record, {exported.module.name: 1}, "made of")
    assert "proxy" not in card
    assert "standard deviation 0.40 over 3 seeds" in card


def test_again_into_the_same_folder_and_not_over_an_edited_file(
    steps: ImageData, tmp_path: Path
) -> None:
    files = export(tmp_path, steps)
    before = {path: path.read_bytes() for path in files.paths if path.suffix != ".pt2"}
    export(tmp_path, steps)
    assert {path: path.read_bytes() for path in before} == before

    files.module.write_text("mine")
    with pytest.raises(RunFolderError, match=r"was edited since it was exported.*`force`"):
        export(tmp_path, steps)
    assert files.module.read_text() == "mine"
    export(tmp_path, steps, force=True)
    assert files.module.read_bytes() == before[files.module]


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside.txt", tmp_path / "folder"
    outside.write_text("precious")
    folder.mkdir()
    (folder / "a.py").symlink_to(outside)
    place_files(folder, {"a.py": b"network"}, record="a.json")
    assert outside.read_text() == "precious"
    assert (folder / "a.py").read_bytes() == b"network"
    assert not (folder / "a.py").is_symlink()


@pytest.mark.parametrize("name", ["../a.py", "/tmp/a.py", ".."])
def test_names_stay_in_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunFolderError, match="leads out of the folder"):
        place_files(tmp_path / "folder", {name: b""}, record="a.json")


def test_without_data_or_onnx_the_rest_is_there_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arch = parse_space(TEXT, source="f.yaml", name="small").decode(())
    model = build_model(arch, in_channels=1, num_classes=3).eval()
    materialize(model)
    made = deploy_forms(model, (1, 8, 8), quantisation=None, source="")
    assert made.onnx is not None
    assert made.int8 is None
    assert made.remarks == ("no int8 file: it needs training images to find ranges from",)

    monkeypatch.setattr("nas.export._deploy.find_spec", lambda name: None)
    monkeypatch.setattr("nas.export._deploy._program", lambda model, shape: b"program")
    made = deploy_forms(model, (1, 8, 8), quantisation=None, source="")
    assert made.onnx is None
    assert "pip install" in made.remarks[0]
