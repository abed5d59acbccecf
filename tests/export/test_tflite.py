"""The int8 .tflite form. What needs the converter is slow, and skipped where it is missing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from nas.errors import NasError, OptionError
from nas.export import emit_module, find_converter
from nas.export._deploy import Quantisation, deploy_forms, first_class
from nas.export._tflite import PYTHON_VARIABLE, TfliteNetwork, convert_tflite
from nas.model import build_model, save_weights
from nas.proxy import train_proxy
from nas.quantize import seen_images
from nas.sharing import materialize
from nas.space import parse_space
from nas.train import seeded
from nas.trial import Fidelity
from tests.export.networks import PROVENANCE, has_converter
from tests.small_data import brightness_steps

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data import ImageData
    from nas.quantize import SeenImages

FIDELITY = Fidelity(epochs=6, batch_size=8)
NETWORK = """
stem: {{conv: {{channels: 16, stride: 2}}}}
stages:
  - {{channels: 16, depth: 1, stride: 1, block: {{lru: {{reuse: {reuse}, groups: 4}}}}}}
head: gap_linear
"""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    return brightness_steps(tmp_path_factory.mktemp("data"))


def converted(data: ImageData, text: str) -> TfliteNetwork:
    arch = parse_space(text, source="f.yaml", name="f").decode(())
    with seeded(0):
        model = build_model(arch, in_channels=1, num_classes=3)
    train_proxy(model, data, FIDELITY, seed=0)
    materialize(model)
    plain = arch.without_rings() if arch.is_shared else arch
    source = emit_module(plain, input_shape=(1, 8, 8), num_classes=3, provenance=PROVENANCE)
    seen = seen_images(model, data, FIDELITY)
    return convert_tflite(
        source,
        first_class(source),
        model.eval(),
        save_weights(model),
        calibration=seen.calibration,
        validation=(seen.validation, seen.labels),
    )


MADE = TfliteNetwork(
    content=bytes(range(256)),
    arena_bytes=4_096,
    accuracy=0.85,
    fp32_accuracy=0.9,
    images=100,
    input_scale=0.5,
    input_zero_point=-3,
    output_scale=0.25,
    output_zero_point=7,
    packages={},
)


def test_a_missing_converter_is_an_error_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(PYTHON_VARIABLE, str(tmp_path / "python"))
    with pytest.raises(OptionError, match=r"no converter.*python3 -m venv .* install -r .*txt"):
        find_converter()


def test_a_converter_that_fails_is_quoted(
    steps: ImageData, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no such operator >&2\nexit 3\n")
    python.chmod(0o755)
    monkeypatch.setenv(PYTHON_VARIABLE, str(python))
    with pytest.raises(NasError, match=r"status 3:\nno such operator"):
        converted(steps, NETWORK.format(reuse=2))


def test_the_converter_gets_images_of_the_network_s_own_size(
    steps: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the int8 ONNX file does: they are prepared once, for both."""
    given: dict[str, Any] = {}

    def convert(*_: object, **images: Any) -> TfliteNetwork:
        given.update(images)
        return MADE

    def quantize(*_: object, seen: SeenImages, **__: object) -> NoReturn:
        given["seen"] = seen
        raise OptionError("no need")

    monkeypatch.setattr("nas.export._deploy.convert_tflite", convert)
    monkeypatch.setattr("nas.export._deploy.quantize_int8", quantize)
    arch = parse_space(
        NETWORK.format(reuse=2) + "resolution: 6\n", source="f.yaml", name="f"
    ).decode(())
    model = build_model(arch, in_channels=1, num_classes=3).eval()
    source = emit_module(arch, input_shape=(1, 8, 8), num_classes=3, provenance=PROVENANCE)
    wanted = Quantisation(data=steps, fidelity=FIDELITY, tflite=True)
    deploy_forms(model, (1, 6, 6), quantisation=wanted, source=source)

    assert given["calibration"].shape[1:] == (1, 6, 6)
    assert given["validation"][0].shape[1:] == (1, 6, 6)
    assert given["calibration"] is given["seen"].calibration


def test_what_is_lost_is_said() -> None:
    (remark,) = MADE.remarks
    assert "loses 5.0 points (fp32 90.00 %, int8 85.00 % of 100 validation images)" in remark
    assert "`qat` 5" in remark


@pytest.mark.parametrize("compiler", ["cc", "c++"])
def test_the_c_array_compiles_and_holds_the_file(compiler: str, tmp_path: Path) -> None:
    text = MADE.c_source("net")
    body = re.search(r"net\[\] = \{(.*?)\}", text, flags=re.S)
    assert body is not None
    assert bytes(map(int, body[1].split(","))) == MADE.content
    assert "net_arena_bytes = 4096;" in text
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    source = tmp_path / ("net.c" if compiler == "cc" else "net.cc")
    source.write_text(text)
    words = [compiler, "-Wall", "-Wextra", "-Werror", "-c", str(source), "-o", str(tmp_path / "o")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not has_converter(), reason="no converter: nas/export/tflite_setup.txt")
def test_reused_and_generated_weights_stand_once_and_it_runs(steps: ImageData) -> None:
    once, thrice = (converted(steps, NETWORK.format(reuse=reuse)) for reuse in (1, 3))
    ring = converted(steps, NETWORK.format(reuse=2) + "sharing: {scope: network, ratio: 0.5}\n")
    for made in (once, thrice, ring):
        assert made.content[4:8] == b"TFL3"
        assert made.accuracy > made.fp32_accuracy - 0.1 > 0.7
        assert 1_000 < made.arena_bytes < 100_000
        assert b"serving_default" not in made.content
        assert json.dumps(made.facts())
    assert thrice.arena_bytes > once.arena_bytes
    assert repeated(thrice.content) == []
    assert repeated(thrice.content + thrice.content[-2_000:]) != []


def repeated(content: bytes, length: int = 96) -> list[bytes]:
    """Stretches of varied bytes, as kernels are, that stand in a file twice."""
    seen, found = set(), []
    for at in range(len(content) - length):
        stretch = content[at : at + length]
        if at % 4 == 0 and len(set(stretch)) > length // 2:
            if stretch in seen:
                found.append(stretch)
            seen.add(stretch)
    return found
