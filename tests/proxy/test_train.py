from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from nas.data import ImageData, Images, load_data
from nas.errors import Diverged
from nas.model import build_model
from nas.proxy import proxy_recipe, train_proxy
from nas.space import is_legal, load_space
from nas.train import fast_cpu_kernels, seeded
from nas.train._precision import training_precision
from nas.trial import DEFAULT_FIDELITY, Fidelity
from tests.small_data import blobs, tiny_cnn

if TYPE_CHECKING:
    from pathlib import Path

    from nas.train import Recipe
    from nas.trial import Scores

SHORT = Fidelity(epochs=2, batch_size=16)


@pytest.fixture
def data(npz: Path) -> ImageData:
    return load_data(str(npz))


def _train(
    data: ImageData, *, seed: int = 1, fidelity: Fidelity = SHORT, recipe: Recipe | None = None
) -> tuple[Scores, bytes]:
    with seeded(seed):
        model = tiny_cnn()
    scores = train_proxy(model, data, fidelity, seed=seed, recipe=recipe)
    return dataclasses.replace(scores, train_s=0.0), _bits(model)


def _bits(model: nn.Module) -> bytes:
    return b"".join(value.numpy().tobytes() for value in model.state_dict().values())


def test_learns_blobs_far_beyond_chance(data: ImageData) -> None:
    scores, _ = _train(data, fidelity=Fidelity(epochs=4, batch_size=16))

    assert scores.accuracy > 0.9
    assert scores.loss < 1.0


def test_same_seed_gives_the_same_bits_whatever_the_global_generator(data: ImageData) -> None:
    torch.manual_seed(1)
    first = _train(data)
    torch.manual_seed(2)
    second = _train(data)

    assert first == second
    assert _train(data, seed=2)[1] != first[1]


def test_global_generator_is_left_as_it_was(data: ImageData) -> None:
    model = tiny_cnn()
    before = torch.get_rng_state()

    train_proxy(model, data, SHORT, seed=0)

    assert torch.equal(torch.get_rng_state(), before)


def test_augmented_runs_repeat_too(data: ImageData) -> None:
    plain, recipe = _train(data), proxy_recipe(SHORT, len(data.train), augment_from_epochs=1)

    assert _train(data, recipe=recipe) == _train(data, recipe=recipe)
    assert _train(data, recipe=recipe)[1] != plain[1]


def test_fidelity_decides_how_many_images_and_of_which_size(data: ImageData) -> None:
    seen: list[torch.Size] = []
    model = tiny_cnn()
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))

    fidelity = Fidelity(epochs=2, train_images=40, val_images=9, resolution=8, batch_size=16)
    train_proxy(model, data, fidelity, seed=0)

    assert seen == [torch.Size((16, 1, 8, 8))] * 4 + [torch.Size((9, 1, 8, 8))]


def test_fewer_images_than_a_batch_are_one_batch(data: ImageData) -> None:
    seen: list[int] = []
    model = tiny_cnn()
    model.register_forward_pre_hook(
        lambda module, inputs: seen.append(len(inputs[0])) if module.training else None
    )
    fidelity = Fidelity(epochs=3, train_images=8, val_images=8, batch_size=64)

    train_proxy(model, data, fidelity, seed=0)

    assert seen == [8, 8, 8]


def test_frozen_weights_stay_and_all_others_move(data: ImageData) -> None:
    model = tiny_cnn()
    model[0].weight.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}

    train_proxy(model, data, SHORT, seed=0)

    moved = {n for n, value in model.state_dict().items() if not torch.equal(value, before[n])}
    assert "0.weight" not in moved
    assert {name for name, _ in model.named_parameters()} - moved == {"0.weight"}


def test_exploding_training_is_reported_with_epoch_and_rate(data: ImageData) -> None:
    recipe = proxy_recipe(SHORT, len(data.train), rate=1e30)

    with pytest.raises(Diverged, match=r"training loss is nan in epoch \d of 2, learning rate"):
        train_proxy(tiny_cnn(), data, SHORT, seed=0, recipe=recipe)


def test_a_network_that_only_fails_on_validation_is_reported(data: ImageData) -> None:
    class NaNInEval(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if self.training else x * float("nan")

    with pytest.raises(Diverged, match="validation loss is nan after 2 epochs"):
        train_proxy(nn.Sequential(tiny_cnn(), NaNInEval()), data, SHORT, seed=0)


def _by_hand(model: nn.Module, data: ImageData, fidelity: Fidelity, seed: int) -> None:
    """The default proxy written out: AdamW, a fifth of warm-up, a straight fall."""
    train, batch = data.train.first(fidelity.train_images), fidelity.batch_size
    per_epoch = len(train) // batch
    steps = fidelity.epochs * per_epoch
    rising = round(0.2 * steps)
    rates = [0.02 * step / rising for step in range(1, rising + 1)]
    rates += [0.02 * (steps - rising - k) / (steps - rising + 1) for k in range(steps - rising)]
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    exempt = {id(p) for m in norms for p in m.parameters()}
    exempt |= {id(p) for name, p in model.named_parameters() if name.endswith("bias")}
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in model.parameters() if id(p) not in exempt]},
            {"params": [p for p in model.parameters() if id(p) in exempt], "weight_decay": 0.0},
        ],
        lr=0.0,
        betas=(0.9, 0.99),
        weight_decay=0.05,
        fused=True,
    )
    scale = 1 / (255 * torch.tensor(data.std))[:, None, None]
    shift = (-torch.tensor(data.mean) / torch.tensor(data.std))[:, None, None]
    generator = torch.Generator().manual_seed(seed)
    model.train()
    for epoch in range(fidelity.epochs):
        order = torch.randperm(len(train), generator=generator)
        for number in range(per_epoch):
            for group in optimizer.param_groups:
                group["lr"] = rates[epoch * per_epoch + number]
            index = order[number * batch : (number + 1) * batch]
            images = train.pixels[index].float() * scale + shift
            with training_precision(model, images.device):
                logits = model(images.contiguous(memory_format=torch.channels_last)).float()
            loss = nn.functional.cross_entropy(
                logits.float(), train.labels[index], label_smoothing=0.1
            )
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()


@pytest.mark.parametrize("genome_seed", [1, 2, 3])
def test_a_proxy_is_what_it_always_was_to_the_bit(genome_seed: int) -> None:
    fidelity = Fidelity(epochs=2, train_images=320, val_images=64, batch_size=32)
    data, (one, other) = _noise(400), _twice(genome_seed)

    scores = train_proxy(one, data, fidelity, seed=7)
    with seeded(7), fast_cpu_kernels(other):
        _by_hand(other.to(memory_format=torch.channels_last), data, fidelity, 7)

    assert _bits(one) == _bits(other)
    other.eval()
    normal = (data.val.first(64).pixels.float() / 255 - data.mean[0]) / data.std[0]
    with torch.inference_mode():
        right = other(normal).argmax(1) == data.val.first(64).labels
    assert scores.accuracy == pytest.approx(right.float().mean().item())


def _noise(count: int) -> ImageData:
    images = Images(
        pixels=torch.randint(256, (count, 1, 16, 16), dtype=torch.uint8),
        labels=torch.arange(count) % 4,
    )
    return ImageData(
        name="noise",
        class_names=("a", "b", "c", "d"),
        flip=True,
        mean=(0.5,),
        std=(0.25,),
        train=images,
        val=images,
    )


def _twice(genome_seed: int) -> list[nn.Module]:
    """One random network of lru_vgnet, initialised twice alike."""
    space, rng = load_space("lru_vgnet"), random.Random(genome_seed)
    while not is_legal(arch := space.decode(space.random_genome(rng))):
        pass
    made: list[nn.Module] = []
    for _ in range(2):
        with seeded(3):
            made.append(build_model(arch, in_channels=1, num_classes=4))
    return made


def test_few_images_are_seen_more_often_so_that_the_steps_are_the_same() -> None:
    full = proxy_recipe(DEFAULT_FIDELITY, 12_000)

    few = proxy_recipe(DEFAULT_FIDELITY, 300)

    assert full.steps == few.steps == 2 * (12_000 // 64)
    assert few.num_epochs(300 // 64) > 80


def test_three_hundred_images_train_something(tmp_path: Path) -> None:
    images, labels = blobs(450)
    path = tmp_path / "few.npz"
    np.savez(path, images=images, labels=labels)
    data = load_data(str(path))

    with seeded(1):
        model = tiny_cnn()
    assert len(data.train) < 320
    assert train_proxy(model, data, DEFAULT_FIDELITY, seed=1).accuracy > 0.9


@pytest.mark.parametrize("side", [8, 12])
def test_masks_are_resized_with_their_images(data: ImageData, side: int) -> None:
    masks = {
        part: Images(pixels=images.pixels, labels=(images.pixels[:, 0] > 95).to(torch.uint8))
        for part, images in (("train", data.train), ("val", data.val))
    }
    scenes = dataclasses.replace(
        data,
        **masks,
        class_names=("dark", "light"),
        options=dataclasses.replace(data.options, task="segmentation"),
    )
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 2, 1))

    fidelity = Fidelity(epochs=3, batch_size=16, resolution=side)
    scores = train_proxy(model, scenes, fidelity, seed=0)

    assert scores.custom["mean_iou"] > 0.6
