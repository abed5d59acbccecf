"""The training loop that a tutorial would have: torchvision's transforms, a DataLoader, `.item()`.

It follows our recipe (optimiser, rates, label smoothing, no augmentation), so that accuracies are
alike and only the way of running it differs: PIL images, one at a time, float32 in rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from task import FULL, images
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from nas.model import build_model
from nas.proxy import PROXY_SCHEDULE
from nas.train import learning_rates, proxy_seed

if TYPE_CHECKING:
    from torch import nn

    from nas.arch import Architecture
    from nas.data import Images

PEAK = 0.02


def train(arch: Architecture, seed: int) -> float:
    """Accuracy on the validation images, in [0, 1]."""
    torch.manual_seed(proxy_seed(arch.id, seed))
    data = images()
    model = build_model(arch, in_channels=data.input_shape[0], num_classes=data.num_classes)
    training = _loader(data.train.first(FULL.train_images), shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK, betas=(0.9, 0.99))
    rates = iter(learning_rates(PROXY_SCHEDULE, FULL.epochs * len(training), PEAK))
    model.train()
    for _ in range(FULL.epochs):
        running = 0.0
        for inputs, labels in training:
            for group in optimizer.param_groups:
                group["lr"] = next(rates)
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(inputs), labels, label_smoothing=0.1)
            loss.backward()
            optimizer.step()
            running += loss.item()
    return _accuracy(model, _loader(data.val.first(FULL.val_images), shuffle=False))


def _accuracy(model: nn.Module, loader: DataLoader[Any]) -> float:
    model.eval()
    right = total = 0
    with torch.no_grad():
        for inputs, labels in loader:
            right += (model(inputs).argmax(1) == labels).sum().item()
            total += len(labels)
    return right / total


class _Pictures(Dataset[Any]):
    """As torchvision's FashionMNIST hands them out: a PIL image each."""

    def __init__(self, part: Images) -> None:
        self._component = part
        self._transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize(images().mean, images().std)]
        )

    def __len__(self) -> int:
        return len(self._component)

    def __getitem__(self, index: int) -> Any:
        image = Image.fromarray(self._component.pixels[index, 0].numpy())
        return self._transform(image), int(self._component.labels[index])


def _loader(part: Images, *, shuffle: bool) -> DataLoader[Any]:
    return DataLoader(
        _Pictures(part), batch_size=FULL.batch_size, shuffle=shuffle, drop_last=shuffle
    )
