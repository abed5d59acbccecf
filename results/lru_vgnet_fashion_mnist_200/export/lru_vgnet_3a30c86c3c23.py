"""LruVgnet, architecture 3a30c86c3c23.

22,098 parameters, 1,349,856 multiply-accumulates for a 1x28x28 image. Validation accuracy 0.8576
on fashion_mnist after a proxy training of 2 epochs over 6,000 images (one seed; these are its
weights). Train it in full before use.

Found by nas 0.1.0: trial 117 of a search of lru_vgnet with budget 200, sampler evolution, seed 0.

Input: float images (B, 1, 28, 28), in [0, 1], each channel less its mean and divided by its
standard deviation over the training images (mean 0.2858; standard deviation 0.3528).

    from safetensors.torch import load_model

    model = LruVgnet()
    load_model(model, "lru_vgnet_3a30c86c3c23.safetensors")
    model.eval()
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class LruVgnet(nn.Module):
    """(B, 1, 28, 28) images -> (B, 10) logits."""

    def __init__(self) -> None:
        super().__init__()
        # stem: 24 x 14 x 14
        self.stem = ConvNormAct(
            in_channels=1,
            out_channels=24,
            kernel=3,
            stride=2,
            activation=nn.SiLU,
        )
        # stage 1: 16 x 14 x 14
        stage_1 = nn.Sequential(
            ConvNormAct(in_channels=24, out_channels=16, kernel=3, activation=nn.SiLU),
            LruBlock(
                channels=16,
                reuse=2,
                groups=2,
                shuffle=halves_interleave,
                activation=nn.SiLU,
            ),
        )
        # stage 2: 64 x 7 x 7
        stage_2 = nn.Sequential(
            MaxPoolConcat(in_channels=16, out_channels=64, stride=2),
            ConvNormAct(in_channels=64, out_channels=64, kernel=3, groups=8, activation=nn.SiLU),
        )
        # stage 3: 64 x 4 x 4
        stage_3 = nn.Sequential(
            VgnetDownsamplingBlock(
                in_channels=64,
                out_channels=64,
                kept=32,
                filters=Depthwise(channels=64, stride=2),
                activation=nn.SiLU,
            ),
            ConvNormAct(in_channels=64, out_channels=64, kernel=3, groups=8, activation=nn.SiLU),
        )
        self.body = nn.Sequential(*stage_1, *stage_2, *stage_3)
        self.head = VgnetHead(
            channels=64,
            num_classes=10,
            filters=Depthwise(channels=64),
            activation=nn.SiLU,
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        return self.head(self.body(self.stem(images)))


class ConvNormAct(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/s), ceil(W/s)): convolve, normalise, activate."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        activation: Callable[..., nn.Module],
        stride: int = 1,
        groups: int = 1,
    ) -> None:
        """A convolution of stride s without bias, padded by half its kernel."""
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = activation(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, normalise, activate."""
        return self.activation(self.norm(self.conv(x)))


class LruBlock(nn.Module):
    """(B, C, H, W) -> (B, C, H, W): one depthwise and one pointwise convolution, `reuse` times.

    The convolutions are shared by all applications; the BatchNorms are not.

    LruNet - https://arxiv.org/abs/1901.09615. As in the authors' code the input is added, and
    no activation stands between the two convolutions.
    """

    def __init__(
        self,
        channels: int,
        reuse: int,
        activation: Callable[..., nn.Module],
        groups: int = 1,
        shuffle: Callable[[Tensor], Tensor] | None = None,
        kernel: int = 3,
        multiplier: int = 2,
    ) -> None:
        """`groups` of the pointwise convolution; `shuffle` runs between two applications.

        `kernel` of the depthwise convolution, which makes `multiplier` x C channels.
        """
        super().__init__()
        wide = multiplier * channels
        self.depthwise = nn.Conv2d(
            channels, wide, kernel, padding=kernel // 2, groups=channels, bias=False
        )
        self.pointwise = nn.Conv2d(wide, channels, 1, groups=groups, bias=False)
        self.depthwise_norms = nn.ModuleList(nn.BatchNorm2d(wide) for _ in range(reuse))
        self.pointwise_norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(reuse))
        self.activation = activation(inplace=True)
        self.shuffle = shuffle

    def forward(self, x: Tensor) -> Tensor:
        """Apply the two convolutions once per pair of BatchNorms."""
        norms = zip(self.depthwise_norms, self.pointwise_norms, strict=True)
        for application, (depthwise_norm, pointwise_norm) in enumerate(norms):
            if application > 0 and self.shuffle is not None:
                x = self.shuffle(x)
            y = depthwise_norm(self.depthwise(x))
            y = pointwise_norm(self.pointwise(y))
            x = self.activation(y + x)
        return x


class MaxPoolConcat(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/stride), ceil(W/stride)) without any weights.

    Max pooling over 3x3 where `stride` is 2; then the channels are repeated, from the first one
    on, until there are C_out. Twice as many is the paper's concatenation of a map with itself.

    LruNet - https://arxiv.org/abs/1901.09615.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        """C_out must not be below C_in."""
        super().__init__()
        self.pool = nn.MaxPool2d(3, stride, 1) if stride > 1 else nn.Identity()
        self.whole, self.rest = divmod(out_channels, in_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Pool, then repeat channels."""
        x = self.pool(x)
        if self.whole == 1 and self.rest == 0:
            return x
        copies = [x] * self.whole + ([x[:, : self.rest]] if self.rest else [])
        return torch.cat(copies, dim=1)


def halves_interleave(x: Tensor) -> Tensor:
    """Take channels from the two halves in turn, the second half first; no channel stays put.

    LruNet - https://arxiv.org/abs/1901.09615 (the authors' code).
    """
    first, second = x.chunk(2, dim=1)
    return torch.stack((second, first), dim=2).flatten(1, 2)


class VgnetDownsamplingBlock(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/s), ceil(W/s)), s the stride of `filters`.

    VGNet - https://arxiv.org/abs/2207.10318.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kept: int,
        filters: nn.Module,
        activation: Callable[..., nn.Module],
        attention: nn.Module | None = None,
    ) -> None:
        """The last `kept` filtered channels are handed on as they are; the rest is new."""
        super().__init__()
        self.dropped = in_channels - kept
        self.filters = filters
        self.pointwise = nn.Conv2d(in_channels, out_channels - kept, 1, bias=False)
        self.activation = activation(inplace=True)
        self.norm = nn.BatchNorm2d(out_channels - kept)
        self.attention = attention or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Filter and stride, then put new channels beside the kept ones."""
        filtered = self.filters(x)
        new = self.attention(self.norm(self.activation(self.pointwise(filtered))))
        return torch.cat((filtered[:, self.dropped :], new), dim=1)


class VgnetHead(nn.Module):
    """(B, C, H, W) -> (B, K): depthwise and pointwise convolution, global average, linear.

    VGNet - https://arxiv.org/abs/2207.10318.
    """

    def __init__(
        self,
        channels: int,
        num_classes: int,
        filters: nn.Module,
        activation: Callable[..., nn.Module],
        norm_filtered: bool = False,
        dropout: float = 0.0,
    ) -> None:
        """`filters` take all channels."""
        super().__init__()
        self.filters = filters
        self.filters_norm = nn.BatchNorm2d(channels) if norm_filtered else nn.Identity()
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.activation = activation(inplace=True)
        self.norm = nn.BatchNorm2d(channels)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = self.filters_norm(self.filters(x))
        x = self.norm(self.activation(self.pointwise(x)))
        return self.linear(self.dropout(x.mean((2, 3))))


class Depthwise(nn.Conv2d):
    """(B, C, H, W) -> (B, C, ceil(H/stride), ceil(W/stride)): one learned kernel per channel.

    With `chunks` > 1 the channels fall into that many equal runs, all filtered with the same
    C / chunks kernels (VGNet's last depthwise layer).
    """

    def __init__(self, channels: int, kernel: int = 3, stride: int = 1, chunks: int = 1) -> None:
        """`channels` must be a multiple of `chunks`."""
        kernels = channels // chunks
        super().__init__(
            kernels, kernels, kernel, stride, padding=kernel // 2, groups=kernels, bias=False
        )
        self.chunks = chunks

    def forward(self, x: Tensor) -> Tensor:
        """Filter `x`, folding chunks into the batch."""
        if self.chunks == 1:
            return super().forward(x)
        batch, channels = x.shape[:2]
        y = super().forward(x.reshape(batch * self.chunks, channels // self.chunks, *x.shape[2:]))
        return y.reshape(batch, channels, *y.shape[2:])


CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
MEAN = (0.2857601523609444,)
STD = (0.35278887753558347,)


def preprocess(pixels: Tensor) -> Tensor:
    """(B, 1, H, W) pixels from 0 (black) to 255 (white) -> (B, 1, 28, 28), as in training."""
    height, width = pixels.shape[2:]
    pixels = pixels.float()
    if (height, width) != (28, 28):
        # The middle of the image, as much of it as has the network's proportions.
        scale = max(28 / height, 28 / width)
        kept = min(height, round(28 / scale)), min(width, round(28 / scale))
        top, left = (height - kept[0]) // 2, (width - kept[1]) // 2
        pixels = pixels[:, :, top : top + kept[0], left : left + kept[1]]
        pixels = nn.functional.interpolate(pixels, size=(28, 28), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (MEAN, STD))
    return (pixels / 255 - mean) / std


def read_image(path: str) -> Tensor:
    """A picture file -> (1, 1, 28, 28), preprocessed. Needs Pillow."""
    from PIL import Image

    with Image.open(path) as image:
        raw = bytearray(image.convert("L").tobytes())
        pixels = torch.frombuffer(raw, dtype=torch.uint8)
        return preprocess(pixels.view(1, image.height, image.width, 1).movedim(3, 1))


def load() -> LruVgnet:
    """The trained network, from the weights beside this file. Needs safetensors."""
    from pathlib import Path

    from safetensors.torch import load_model

    model = LruVgnet()
    load_model(model, str(Path(__file__).with_suffix(".safetensors")))
    return model.eval()


def main() -> None:
    """Print the likeliest classes of the pictures named on the command line."""
    import sys

    if len(sys.argv) < 2:
        sys.exit(f"usage: python {sys.argv[0]} IMAGE...")
    model = load()
    for path in sys.argv[1:]:
        with torch.inference_mode():
            probabilities = model(read_image(path)).softmax(1)[0]
        print(path)
        for share, index in zip(*probabilities.topk(min(5, len(CLASS_NAMES))), strict=True):
            print(f"{share:8.2%}  {CLASS_NAMES[index]}")


if __name__ == "__main__":
    main()
