"""LruVgnet, architecture f6605955f930.

2,286 parameters, 29,604 multiply-accumulates for a 1x28x28 image. Test accuracy 0.8736 (over 3
seeds: mean 0.8708, deviation 0.0026) on fashion_mnist, validation accuracy 0.8742, after 20 epochs
of recipe light over 50,000 images (seed 0, chosen by validation; these are its weights).

Found by a search of lru_vgnet with budget 200, sampler model, seed 0; a finalist of `nas train`.

Input: float images (B, 1, 28, 28) in [0, 1], each channel less its mean and divided by its
standard deviation over the training images (mean 0.2858; standard deviation 0.3528).

    from safetensors.torch import load_model

    model = LruVgnet()
    load_model(model, "lru_vgnet_f6605955f930.safetensors")
    model.eval()
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class LruVgnet(nn.Module):
    """(B, 1, 28, 28) images -> (B, 10) logits."""

    def __init__(self) -> None:
        super().__init__()
        # stem: 8 x 7 x 7
        self.stem = ResnetStem(
            in_channels=1,
            out_channels=8,
            kernel=3,
            stride=2,
            activation=nn.SiLU,
        )
        # stage 1: 8 x 7 x 7
        stage_1 = nn.Sequential(
            HalfIdentityBlock(
                channels=8,
                identity=4,
                filters=EdgeGaussianBank(channels=4),
                norm_filtered=True,
                attention=SqueezeExcite(channels=4, hidden=8, activation=nn.ReLU, gate=nn.Sigmoid),
                activation=nn.SiLU,
            ),
        )
        # stage 2: 16 x 4 x 4
        stage_2 = nn.Sequential(
            VgnetDownsamplingBlock(
                in_channels=8,
                out_channels=16,
                kept=8,
                filters=GaussianBlur(channels=8, stride=2),
                activation=nn.SiLU,
            ),
            SeparableBlock(
                in_channels=16,
                out_channels=16,
                depthwise=Depthwise(channels=16),
                groups=2,
                activation=nn.SiLU,
            ),
        )
        # stage 3: 32 x 2 x 2
        stage_3 = nn.Sequential(
            SeparableBlock(
                in_channels=16,
                out_channels=32,
                depthwise=Depthwise(channels=16, stride=2),
                activation=nn.SiLU,
            ),
            HalfIdentityBlock(
                channels=32,
                identity=16,
                filters=EdgeGaussianBank(channels=16),
                norm_filtered=True,
                activation=nn.SiLU,
            ),
        )
        self.body = nn.Sequential(*stage_1, *stage_2, *stage_3)
        self.head = GapLinear(in_channels=32, num_classes=10)

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        return self.head(self.body(self.stem(images)))


class ResnetStem(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/2s), ceil(W/2s)): convolve, normalise, max pool.

    ResNet - https://arxiv.org/abs/1512.03385 (table 1).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int,
        activation: Callable[..., nn.Module],
    ) -> None:
        """`stride` s of the convolution; the 3x3 pooling strides by 2."""
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = activation(inplace=True)
        self.pool = nn.MaxPool2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, normalise, activate, pool."""
        return self.pool(self.activation(self.norm(self.conv(x))))


class HalfIdentityBlock(nn.Module):
    """(B, C, H, W) -> (B, C, H, W): the right half of the input, then C/2 new channels.

    VGNet - https://arxiv.org/abs/2207.10318. As in the authors' code the activation stands
    before the BatchNorm, and learned filters are not normalised.
    """

    def __init__(
        self,
        channels: int,
        identity: int,
        filters: nn.Module,
        activation: Callable[..., nn.Module],
        norm_filtered: bool = False,
        attention: nn.Module | None = None,
    ) -> None:
        """The first `identity` channels skip `filters`, which take the others."""
        super().__init__()
        self.identity = identity
        self.new = channels // 2
        self.filters = filters
        self.filters_norm = nn.BatchNorm2d(channels - identity) if norm_filtered else nn.Identity()
        self.pointwise = nn.Conv2d(channels, self.new, 1, bias=False)
        self.activation = activation(inplace=True)
        self.norm = nn.BatchNorm2d(self.new)
        self.attention = attention or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Filter some channels, mix all into C/2 new ones, keep the right half of the old."""
        # One split, not two slices: its backward pass writes a gradient once, without zeros.
        left, rest = torch.split(x, [self.identity, x.shape[1] - self.identity], dim=1)
        kept = rest if self.identity == self.new else x[:, self.new :]
        mixed = torch.cat((left, self.filters_norm(self.filters(rest))), dim=1)
        new = self.attention(self.norm(self.activation(self.pointwise(mixed))))
        return torch.cat((kept, new), dim=1)


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


class FixedDepthwise(nn.Module):
    """(B, C, H, W) -> (B, C, ceil(H/stride), ceil(W/stride)): channel i uses kernel i mod n.

    The kernels are a buffer: saved with the weights, never trained or decayed.

    VGNet - https://arxiv.org/abs/2207.10318.
    """

    kernels: tuple[tuple[float, ...], ...]
    """n kernels of 3x3, row by row."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        """The bank is repeated and cut to `channels`."""
        super().__init__()
        self.stride = stride
        bank = torch.tensor(self.kernels).view(-1, 1, 3, 3)
        repeated = bank.repeat(-(-channels // len(bank)), 1, 1, 1)
        # A copy: safetensors refuses a weight that is a part of a larger storage.
        self.register_buffer("weight", repeated[:channels].clone())

    def forward(self, x: Tensor) -> Tensor:
        """Filter `x`."""
        weight = self.get_buffer("weight")
        return functional.conv2d(x, weight, stride=self.stride, padding=1, groups=len(weight))


class GaussianBlur(FixedDepthwise):
    """Gaussian of sigma 1.1; odd channels get its negative (the paper's generation)."""

    kernels = (
        (0.0811, 0.1226, 0.0811, 0.1226, 0.1853, 0.1226, 0.0811, 0.1226, 0.0811),
        (-0.0811, -0.1226, -0.0811, -0.1226, -0.1853, -0.1226, -0.0811, -0.1226, -0.0811),
    )


class EdgeGaussianBank(FixedDepthwise):
    """Two Sobel, two Laplace, two diagonal edges, Gaussians of sigma 1.1 and 0.6 (VGNetF)."""

    kernels = (
        (-0.5, -1.0, -0.5, 0.0, 0.0, 0.0, 0.5, 1.0, 0.5),
        (-0.5, 0.0, 0.5, -1.0, 0.0, 1.0, -0.5, 0.0, 0.5),
        (-1 / 12, -2 / 12, -1 / 12, -2 / 12, 1.0, -2 / 12, -1 / 12, -2 / 12, -1 / 12),
        (0.0, -0.25, 0.0, -0.25, 1.0, -0.25, 0.0, -0.25, 0.0),
        (-1.0, -2 / 3, -1 / 3, -2 / 3, 0.0, 2 / 3, 1 / 3, 2 / 3, 1.0),
        (-1 / 3, -2 / 3, -1.0, 2 / 3, 0.0, -2 / 3, 1.0, 2 / 3, 1 / 3),
        (0.0811, 0.1226, 0.0811, 0.1226, 0.1853, 0.1226, 0.0811, 0.1226, 0.0811),
        (0.0277, 0.1110, 0.0277, 0.1110, 0.4452, 0.1110, 0.0277, 0.1110, 0.0277),
    )


class SqueezeExcite(nn.Module):
    """(B, C, H, W) -> (B, C, H, W): scale each channel by a gate computed from all means.

    Squeeze-and-excitation - https://arxiv.org/abs/1709.01507 (section 3).
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        activation: Callable[[], nn.Module],
        gate: Callable[[], nn.Module],
    ) -> None:
        """Two 1x1 convolutions with bias, `channels` -> `hidden` -> `channels`."""
        super().__init__()
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.activation = activation()
        self.expand = nn.Conv2d(hidden, channels, 1)
        self.gate = gate()

    def forward(self, x: Tensor) -> Tensor:
        """Scale `x`."""
        mean = x.mean((2, 3), keepdim=True)
        return x * self.gate(self.expand(self.activation(self.reduce(mean))))


class SeparableBlock(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/s), ceil(W/s)), s the stride of `depthwise`.

    MobileNetV1 - https://arxiv.org/abs/1704.04861 (section 3.1, figure 3).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        depthwise: nn.Module,
        activation: Callable[..., nn.Module],
        groups: int = 1,
    ) -> None:
        """`depthwise` filters `in_channels` channels; `groups` are the pointwise convolution's."""
        super().__init__()
        self.depthwise = depthwise
        self.depthwise_norm = nn.BatchNorm2d(in_channels)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, groups=groups, bias=False)
        self.pointwise_norm = nn.BatchNorm2d(out_channels)
        self.activation = activation(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Depthwise, then pointwise, each normalised and activated."""
        x = self.activation(self.depthwise_norm(self.depthwise(x)))
        return self.activation(self.pointwise_norm(self.pointwise(x)))


class GapLinear(nn.Module):
    """(B, C, H, W) -> (B, K): global average pooling, dropout, one linear layer."""

    def __init__(self, in_channels: int, num_classes: int, dropout: float = 0.0) -> None:
        """A linear layer with bias."""
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(in_channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.linear(self.dropout(x.mean((2, 3))))


INPUT_SHAPE = (1, 28, 28)
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
    """A picture -> (1, 1, 28, 28), prepared as in training. Needs Pillow."""
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened)
    if image.mode.startswith(("I", "F")):  # more than 8 bits: 0 is black, 65535 white
        scale = 255 / (65535.0 - 0.0)
        image = image.convert("F").point(lambda value: value * scale + (0.5 - 0.0 * scale))
        image = image.convert("L")
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    raw = bytearray(image.convert("RGB").convert("L").tobytes())
    pixels = torch.frombuffer(raw, dtype=torch.uint8).view(image.height, image.width, 1)
    return preprocess(pixels.movedim(2, 0)[None])


def load() -> LruVgnet:
    """The trained network, from the weights beside this file. Needs safetensors."""
    from pathlib import Path

    from safetensors.torch import load_model

    model = LruVgnet()
    load_model(model, str(Path(__file__).with_suffix(".safetensors")))
    return model.eval()


def main() -> None:
    """Print the likeliest classes of the pictures named on the command line."""
    import signal
    import sys

    if len(sys.argv) < 2:
        sys.exit(f"usage: python {sys.argv[0]} IMAGE...")
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` has read enough: end quietly
    try:
        model = load()
    except (OSError, RuntimeError) as error:
        sys.exit(f"the weights cannot be loaded: {error}")
    unread = 0
    for path in sys.argv[1:]:
        try:
            image = read_image(path)
        except Exception as error:  # of many kinds, and the other pictures are to be read
            print(f"{path}: {error}", file=sys.stderr)
            unread += 1
            continue
        with torch.inference_mode():
            probabilities = model(image).softmax(1)[0]
        print(path)
        for share, index in zip(*probabilities.topk(min(5, len(CLASS_NAMES))), strict=True):
            print(f"{share:8.2%}  {CLASS_NAMES[index]}")
    sys.exit(unread > 0)


if __name__ == "__main__":
    main()
