"""Bad input to the zoo and the spaces: one clear message and exit status 2, never torch's own."""

from __future__ import annotations

import sys

import pytest

from nas.cli import main
from nas.errors import IllegalArchitecture, ModelFileError, UserError
from nas.space import load_architecture, load_space, parse_space


def failing(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit status of a `nas` command."""
    monkeypatch.setattr(sys, "argv", ["nas", *arguments])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


BAD = {
    "groups that divide no width": (
        ("mobilenet_v1_1.0", "stages.*.block.separable.groups=5"),
        ("stages.0.block.separable", "groups 5 does not divide 32 channels", "use a divisor"),
    ),
    "groups of LruNet's block": (
        ("lrunet_8_1x", "stages.*.block.lru.groups=7"),
        ("stages.0.block.lru", "groups 7 does not divide 64 channels", "use a divisor"),
    ),
    "an MGIC group size that divides no level": (
        ("mgic_resnet18", "stages.*.block.mgic_basic.group_size=12"),
        ("stages.0.block.mgic_basic", "5 does not divide 64", "use an even group_size"),
    ),
    "an MGIC group size of 0": (
        ("mgic_resnet18", "stages.*.block.mgic_basic.group_size=0"),
        ("stages.0.block.mgic_basic.group_size", "0 is not allowed", "between 1 and"),
    ),
    "an empty ring": (
        ("resnet18_rpg", "sharing.ring=0"),
        ("sharing.ring", "0 is not allowed", "between 1 and"),
    ),
    "a ring that no memory holds": (
        ("resnet18_rpg", "sharing.ring=999999999"),
        ("sharing.ring", "999999999 is not allowed", "between 1 and 268,435,456"),
    ),
    "two sizes of a ring": (
        ("resnet18_rpg", "sharing.ratio=0.5"),
        ("sharing", "ring 2359296 and ratio 0.5", "exactly one"),
    ),
    "chunks that divide no width": (
        ("vgnetg_1.0mp", "head.vgnet.chunks=7"),
        ("head.vgnet", "7 does not divide 368 channels", "use a divisor"),
    ),
    "no applications": (
        ("lrunet_8_1x", "stages.*.block.lru.reuse=0"),
        ("stages.0.block.lru.reuse", "0 is not allowed", "between 1 and"),
    ),
    "a block of another system": (
        ("mgic_resnet18", "stages.*.block.mgic_mobil.group_size=16"),
        ("--set", "stages.*.block.mgic_mobil.group_size", "did you mean"),
    ),
}


@pytest.mark.parametrize(("given", "said"), BAD.values(), ids=BAD.keys())
def test_says_where_what_and_what_to_do(
    given: tuple[str, str],
    said: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name, change = given
    with pytest.raises(UserError):
        load_architecture(name, [change])
    assert failing(monkeypatch, "cost", name, "--set", change) == 2
    out, message = capsys.readouterr()
    assert out == ""
    assert message.startswith("nas: ") and "Traceback" not in message
    for words in said:
        assert words in message


@pytest.mark.parametrize(("name", "image"), [("lenet", "1x4x9"), ("lenet_depthwise", "1x1x1")])
def test_an_input_too_small_for_the_windows(
    name: str, image: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(monkeypatch, "cost", name, "--input", image) == 2
    message = capsys.readouterr().err
    assert "a window of 5 without padding meets a feature map of side" in message
    assert "use larger images, smaller kernels or padding: same" in message


# -- widths that cannot be combined ------------------------------------------------------------


def test_widths_without_a_network_are_refused_with_a_count_of_the_reasons() -> None:
    sets = ["stem.conv.channels=16", "stages.*.channels=8", "stages.*.transition=maxpool_concat"]
    with pytest.raises(IllegalArchitecture) as refusal:
        load_space("lru_vgnet", sets)
    message = str(refusal.value)
    assert "search_spaces/lru_vgnet.yaml" in message
    assert "settings describes a network" in message
    assert "maxpool_concat cannot narrow (2,000 times)" in message
    assert "cannot go from 16 down to 8; widen the stage or use another transition" in message


def test_mgic_needs_a_whole_multiple_to_widen() -> None:
    with pytest.raises(IllegalArchitecture) as refusal:
        load_architecture("mgic_resnet18", ["stages.1.channels=160"])
    message = str(refusal.value)
    assert "going from 64 to 160 channels" in message
    assert "use a multiple of the input's channels, or give the stage a transition" in message


def test_a_block_that_keeps_its_shape_asks_for_a_transition() -> None:
    with pytest.raises(IllegalArchitecture, match="give the stage a transition such as maxpool"):
        load_architecture("lrunet_8_1x", ["stages.1.transition=none"])


# -- lists -------------------------------------------------------------------------------------

RINGS = """
stem: {conv: {channels: 8}}
stages: STAGES
head: gap_linear
sharing: {scope: network, ratio: 0.5, private: []}
"""
STAGE = "[{channels: 8, block: conv}]"


def test_nothing_need_be_private() -> None:
    text = RINGS.replace("STAGES", STAGE)
    arch = parse_space(text, source="model.yaml", name="model").decode(())
    assert arch.sharing.private == ()
    (ring,) = arch.rings(in_channels=3, num_classes=10)
    assert ring.kernels == ((0,), (1,), (2,)), "stem, block and classifier"


def test_stages_may_not_be_empty() -> None:
    text = RINGS.replace("STAGES", "[]")
    with pytest.raises(ModelFileError, match="stages: the list is empty"):
        parse_space(text, source="model.yaml", name="model")
