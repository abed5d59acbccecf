from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from nas.cost import cost_of
from nas.drawing import RING_COLOURS, Diagram, diagram_of, draw_svg, write_drawing
from nas.errors import OptionError
from nas.space import catalogue, load_architecture, load_space, parse_space

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = (3, 64, 64)


def diagram(name: str, *overrides: str) -> Diagram:
    arch = load_architecture(name, overrides)
    return diagram_of(arch, input_shape=image_of(name), num_classes=10)


def image_of(name: str) -> tuple[int, int, int]:
    """What a network is drawn for; a flatten head knows its size."""
    return (1, 28, 28) if name.startswith("lenet") else IMAGE


def words(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [element.text or "" for element in root.iter() if element.tag.endswith("text")]


NETWORKS = [name for name in catalogue() if not load_space(name).is_open]


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_drawn_adds_up_to_the_exact_costs(name: str) -> None:
    drawn = diagram(name)
    cost = cost_of(load_architecture(name), input_shape=image_of(name), num_classes=10)

    in_rings = sum(ring.size for ring in drawn.rings)
    assert sum(section.params for section in drawn.sections) + in_rings == cost.params
    assert sum(section.macs for section in drawn.sections) == cost.macs
    assert max(one.peak_activation_bytes for one in drawn.sections) == cost.peak_activation_bytes


@pytest.mark.parametrize("space", [name for name in catalogue() if name not in NETWORKS])
def test_random_networks_of_every_space_are_drawn_as_well_formed_svg(space: str) -> None:
    rng = random.Random(3)
    for _ in range(5):
        arch = load_space(space).random_architecture(rng)
        drawn = diagram_of(arch, input_shape=IMAGE, num_classes=7)
        said = words(draw_svg(drawn))
        assert said[0] == "image 3 × 64 × 64"
        assert "7 logits" in said


def test_reuse_is_a_loop_and_copies_are_not() -> None:
    said = words(draw_svg(diagram("lrunet_8_1x")))
    assert said.count("×8") == 4

    said = words(draw_svg(diagram("vgnetg_1.0mp")))
    assert not any(word.startswith("×") for word in said)
    assert any(word.endswith("blocks, weights of their own") for word in said)


def test_reuse_of_any_block_is_the_same_loop() -> None:
    drawn = diagram("mobilenet_v1_cifar_0.5", "stages.2.block.separable.reuse=4")
    assert [block.times for block in drawn.sections[3].blocks].count(4) == 1
    assert "×4" in words(draw_svg(drawn))


def test_identity_channels_are_a_share_of_the_bar() -> None:
    said = words(draw_svg(diagram("vgnetc_1.0mp")))
    assert "channels: 28 identity, 28 filtered" in said
    assert "channels: 28 kept, 28 new" in said


def test_mgic_levels_narrow_down_to_coupled_channels() -> None:
    block = diagram("mgic_resnet18_cifar").sections[1].blocks[0]
    assert [level.channels for level in block.levels] == [64, 32, 16]
    assert [level.groups for level in block.levels] == [2, 1, 1]


@pytest.mark.parametrize(
    ("scope", "rings"), [("network", 1), ("stage", 4), ("block", 8), ("subnet", 7), ("layer", 19)]
)
def test_every_scope_shows_its_rings(scope: str, rings: int) -> None:
    drawn = diagram("resnet18_rpg_cifar", f"sharing.scope={scope}")
    assert len(drawn.rings) == rings
    svg = draw_svg(drawn)
    assert f"RINGS, ONE PER {scope.upper()}" in words(svg)
    for colour in RING_COLOURS[: min(rings, len(RING_COLOURS))]:
        assert colour in svg
    read = {number for one in drawn.sections for block in one.blocks for number in block.rings}
    assert read == set(range(1, rings + 1))


def test_a_page_brings_the_colours_itself() -> None:
    drawn = diagram("resnet20") if "resnet20" in NETWORKS else diagram("resnet18_cifar")
    assert "<style>" in draw_svg(drawn)
    assert "<style>" not in draw_svg(drawn, standalone=False)


def test_a_name_cannot_leave_its_element(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    text = load_space("resnet18_cifar").text
    path.write_text(re.sub(r"^name:.*$", "name: '<script>&'", text, flags=re.MULTILINE))
    arch = load_architecture(str(path))
    svg = draw_svg(diagram_of(arch, input_shape=IMAGE, num_classes=10))
    assert "<script>" not in svg
    ElementTree.fromstring(svg)


def test_written_to_a_folder_that_is_not_there(tmp_path: Path) -> None:
    arch = load_architecture("resnet18_cifar")
    write_drawing(tmp_path / "net.svg", arch, input_shape=IMAGE, num_classes=10)
    ElementTree.parse(tmp_path / "net.svg")
    with pytest.raises(OptionError, match=r"gone/net\.svg: the drawing cannot be written"):
        write_drawing(tmp_path / "gone/net.svg", arch, input_shape=IMAGE, num_classes=10)


def test_kernels_of_two_sides_are_written_like_others() -> None:
    drawn = " ".join(words(draw_svg(diagram("ds_cnn_kws_s"))))
    assert "10\N{MULTIPLICATION SIGN}4" in drawn
    assert "(10, 4)" not in drawn


@pytest.mark.parametrize(
    ("kind", "words_of_it"),
    [("projection", "projection shortcut"), ("pad", "padded shortcut")],
)
def test_a_shortcut_is_called_what_it_is(kind: str, words_of_it: str) -> None:
    text = (
        "stem: {conv: {channels: 8}}\nhead: gap_linear\n"
        f"stages: [{{channels: 16, block: {{residual: {{shortcut: {kind}}}}}}}]\n"
    )
    arch = parse_space(text, source="f.yaml", name="f").decode(())
    drawn = " ".join(words(draw_svg(diagram_of(arch, input_shape=(3, 16, 16), num_classes=5))))
    assert words_of_it in drawn
    assert drawn.count("shortcut") == 1


POINTS = """\
stem: none
stages:
  - {channels: 32, block: {edge_conv: {neighbours: 8}}}
  - {channels: 64, block: {edge_conv: {neighbours: 8, levels: 2}}}
head: gap_linear
"""


def test_edges_between_points_are_drawn_and_said() -> None:
    arch = parse_space(POINTS, source="f.yaml", name="f").decode(())
    drawn = diagram_of(arch, input_shape=(3, 256, 1), num_classes=5)
    svg = draw_svg(drawn)

    assert [section.title for section in drawn.sections] == ["stage 1", "stage 2", "head"]
    assert [level.channels for level in drawn.sections[1].blocks[0].levels] == [64, 32, 16]
    said = " ".join(words(svg))
    assert "each point: edges to its 8 nearest points, itself included" in said
    assert "of 6 channels; the maximum over them is kept" in said
    assert svg.count("<circle") == 2 * (1 + 7)
    assert "neighbours" not in said


def test_no_more_neighbours_are_drawn_than_there_are_points() -> None:
    arch = parse_space(POINTS, source="f.yaml", name="f").decode(())
    svg = draw_svg(diagram_of(arch, input_shape=(3, 4, 1), num_classes=5))
    assert "edges to its 4 nearest points" in " ".join(words(svg))
