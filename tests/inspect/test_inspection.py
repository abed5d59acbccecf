from __future__ import annotations

import pytest
import torch
from torch import nn

from nas.errors import IllegalArchitecture, ModelFileError, UserError
from nas.inspect import (
    build_trained,
    build_untrained,
    build_with_weights,
    check_subject,
    inspect_network,
)
from nas.model import save_weights
from nas.trial import Fidelity
from tests.inspect.conftest import FAMILIES, network_of, noise_images


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_be_looked_into(family: str) -> None:
    arch, data = network_of(FAMILIES[family]), noise_images()

    seen = inspect_network(arch, build_untrained(arch, data), data, weights="none", trained=False)

    assert bool(seen.layers) == (family != "plain")
    assert bool(seen.rings) == (family == "ring")
    assert all(((group.cka >= 0) & (group.cka <= 1)).all() for group in seen.groups)
    assert seen.images == 40


def test_weights_come_back_as_they_were() -> None:
    arch, data = network_of(FAMILIES["vgnet"]), noise_images()
    network = build_trained(arch, data, Fidelity(epochs=1, batch_size=8))

    again = build_with_weights(arch, data, save_weights(network), source="w.safetensors")

    for name, tensor in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


def test_weights_of_another_network_are_refused_in_words() -> None:
    data = noise_images()
    other = build_untrained(network_of(FAMILIES["lru"]), data)
    with pytest.raises(ModelFileError, match=r"w\.safetensors: not the weights of small"):
        build_with_weights(
            network_of(FAMILIES["vgnet"]), data, save_weights(other), source="w.safetensors"
        )
    with pytest.raises(ModelFileError, match="not the weights"):
        build_with_weights(network_of(FAMILIES["vgnet"]), data, b"junk", source="w")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            FAMILIES["plain"].replace("gap_linear", "segmentation"),
            r"head segmentation does not suit noise, whose task \(classification\) needs one "
            r"answer an image, .*`overrides`, or name RUN:ID",
        ),
        (
            FAMILIES["plain"].replace("gap_linear", "{flatten: {size: 9}}"),
            r"9",
        ),
        (FAMILIES["plain"] + "resolution: 16\n", "resolution: 16 pixels, and the images have 12"),
    ],
)
def test_what_does_not_suit_the_data_is_refused_before_anything_is_built(
    text: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        check_subject(network_of(text), noise_images())


def test_what_suits_the_data_passes() -> None:
    check_subject(network_of(FAMILIES["plain"]), noise_images())


def test_images_too_small_for_the_network_are_refused_in_words() -> None:
    arch, data = network_of(FAMILIES["plain"]), noise_images()
    network = build_untrained(arch, data)
    # What torch says when a kernel is larger than its padded input.
    network.head = nn.Sequential(nn.Conv2d(16, 2, 9), nn.Flatten())
    with pytest.raises(IllegalArchitecture, match=r"cannot take images of 12x12: .*Kernel"):
        inspect_network(arch, network, data, weights="none")
