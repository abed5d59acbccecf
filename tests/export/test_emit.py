"""Exported source: what it says, that it is clean, and that it needs torch alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import nas
from nas.export import emit_module
from nas.export._emit import to_class_name
from nas.space import parse_space
from tests.export.networks import CLASSES, PROVENANCE, SHAPE, sample

ROOT = Path(nas.__file__).parents[1]
TEXT = """\
name: {name}
stem: {{conv: {{channels: 8, activation: silu}}}}
stages:
  - {{channels: 16, stride: 2, depth: 2, transition: maxpool_concat, block: {{lru: {{reuse: 3}}}}}}
  - {{channels: 16, depth: 1, block: {{half_identity: {{identity_ratio: 0.25}}}}}}
head: gap_linear
"""


def source_of(name: str = "small", **says: str) -> str:
    arch = parse_space(TEXT.format(name=name), source="f.yaml", name="f").decode(())
    return emit_module(
        arch, input_shape=(1, 28, 28), num_classes=10, provenance=replace(PROVENANCE, **says)
    )


NETWORK = '''\
class Small(nn.Module):
    """(B, 1, 28, 28) images -> (B, 10) logits."""

    def __init__(self) -> None:
        super().__init__()
        # stem: 8 x 14 x 14
        self.stem = ConvNormAct(
            in_channels=1,
            out_channels=8,
            kernel=3,
            stride=2,
            activation=nn.SiLU,
        )
        # stage 1: 16 x 7 x 7
        stage_1 = nn.Sequential(
            MaxPoolConcat(in_channels=8, out_channels=16, stride=2),
            *(
                LruBlock(
                    channels=16,
                    reuse=3,
                    groups=8,
                    shuffle=halves_interleave,
                    activation=nn.ReLU,
                )
                for _ in range(2)
            ),
        )
        # stage 2: 16 x 7 x 7
        stage_2 = nn.Sequential(
            HalfIdentityBlock(
                channels=16,
                identity=4,
                filters=Depthwise(channels=12),
                activation=nn.ReLU,
            ),
        )
        self.body = nn.Sequential(*stage_1, *stage_2)
        self.head = GapLinear(in_channels=16, num_classes=10)

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        return self.head(self.body(self.stem(images)))
'''


def test_the_network_is_written_top_down_with_literal_numbers_and_shapes() -> None:
    assert NETWORK in source_of()


def test_classes_name_their_papers_and_no_other_is_spoken_of() -> None:
    """A file with `MaxPoolConcat` alone used to explain the logits of `LruHead`."""
    source = source_of()
    papers = {
        node.name: "arxiv.org" in (ast.get_docstring(node) or "")
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
    }
    assert all(papers[name] for name in ("LruBlock", "MaxPoolConcat", "HalfIdentityBlock"))
    assert "logits" not in source.split("class MaxPoolConcat")[1].split("class ")[0]
    assert not any(line.startswith("#") for line in source.splitlines())


def test_the_docstring_says_where_the_network_comes_from_and_how_to_load_it() -> None:
    tree = ast.parse(source_of())
    doc = ast.get_docstring(tree)
    assert doc is not None
    arch_id = parse_space(TEXT.format(name="x"), source="f", name="f").decode(()).id
    assert doc.splitlines()[0] == f"Small, architecture {arch_id}."
    for said in (PROVENANCE.claim, PROVENANCE.origin, PROVENANCE.preprocessing):
        assert said in doc
    assert 'model = Small()\n    load_model(model, "network.safetensors")' in doc


def test_without_weights_the_docstring_does_not_speak_of_them() -> None:
    arch = parse_space(TEXT.format(name="x"), source="f", name="f").decode(())
    provenance = replace(PROVENANCE, weights_file=None)
    source = emit_module(arch, input_shape=(1, 28, 28), num_classes=10, provenance=provenance)
    assert "safetensors" not in source


@pytest.mark.parametrize(
    "origin",
    [
        'Found by `nas search --space "a b"`.',
        "A folder: C:\\new\\x.yaml",
        'Quotes: """ and more """',
        "Ends in a backslash \\",
        "long " * 60,
    ],
)
def test_what_it_quotes_cannot_break_it(origin: str) -> None:
    source = source_of(origin=origin)
    doc = ast.get_docstring(ast.parse(source))
    assert doc is not None
    assert origin.strip().replace('"""', "'''") in " ".join(doc.split())
    assert max(map(len, source.splitlines())) <= 99


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("lru_vgnet", "LruVgnet"),
        ("lrunet_14_1x", "Lrunet141X"),
        ("vgnetg_1.0mp", "Vgnetg10Mp"),
        ("3stage", "Net3Stage"),
        ("réseau", "RSeau"),
        ("---", "Net"),
    ],
)
def test_class_names(name: str, class_name: str) -> None:
    assert to_class_name(name) == class_name


@pytest.mark.parametrize(
    "name", ["lru_block", "tensor", "depthwise", "callable", "none", "'true'"]
)
def test_a_network_may_be_called_like_something_else(name: str) -> None:
    tree = ast.parse(source_of(name))
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    assert len(names) == len(set(names))
    assert names[0].endswith("Network")


SOURCES = {
    f"{arch.name}_{arch.id}": emit_module(
        arch, input_shape=SHAPE, num_classes=CLASSES, provenance=PROVENANCE
    )
    for arch in sample(each=4)
}


@pytest.mark.parametrize("name", SOURCES)
def test_it_imports_torch_and_the_standard_library_only(name: str) -> None:
    tree = ast.parse(SOURCES[name])
    roots = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            roots.add(str(node.module).partition(".")[0])
    assert roots - {"torch"} <= sys.stdlib_module_names
    assert "nas." not in SOURCES[name]


@pytest.mark.parametrize("name", SOURCES)
def test_every_definition_and_import_is_used(name: str) -> None:
    tree = ast.parse(SOURCES[name])
    uses = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    bound: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            bound.append(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom) and node.names[0].name != "annotations":
            bound += [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    assert len(bound) == len(set(bound))
    network = next(node.name for node in tree.body if isinstance(node, ast.ClassDef))
    assert set(bound) - uses == {network}


def test_it_is_linted_and_formatted_like_our_own(tmp_path: Path) -> None:
    for name, source in SOURCES.items():
        (tmp_path / f"{name.replace('.', '_')}.py").write_text(source, encoding="utf-8")
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache",
             "--config", str(ROOT / "pyproject.toml"), str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
