"""Published figures beside ours, for every network of the zoo.

    python benchmarks/published_figures.py > docs/published_figures.md
    python benchmarks/published_figures.py --check     # exit 1 if that file is out of date

Our counts are computed from the model files; what was published is read from
`nas/report/published.csv`. Nothing is trained here.
"""

from __future__ import annotations

import csv
import re
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from nas.cost import cost_of
from nas.space import catalogue, load_architecture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

DOCUMENT = Path(__file__).parents[1] / "docs" / "published_figures.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What a network has to be built for."""

    title: str
    channels: int
    num_classes: int
    px: int
    """Side of the images at which MACs are counted, where the source names no other."""
    width: int | None = None
    """Of images that are not square; `px` is then their height."""


DATASETS = {
    "fashion_mnist": Dataset(title="Fashion-MNIST", channels=1, num_classes=10, px=32),
    "cifar10": Dataset(title="CIFAR-10", channels=3, num_classes=10, px=32),
    "cifar100": Dataset(title="CIFAR-100", channels=3, num_classes=100, px=32),
    "cityscapes": Dataset(title="Cityscapes' classes", channels=3, num_classes=19, px=224),
    "mnist": Dataset(title="MNIST", channels=1, num_classes=10, px=28),
    "speech_commands": Dataset(
        title="Speech Commands, MFCC", channels=1, num_classes=12, px=49, width=10
    ),
    "imagenet": Dataset(title="ImageNet", channels=3, num_classes=1000, px=224),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One section: its networks, and what has to be known to read their figures."""

    title: str
    paper: str
    networks: tuple[str, ...]
    """Patterns of zoo names."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One network on one data set."""

    network: str
    dataset: str
    px: int
    settings: str = ""
    """Changes to the model file, as `--set` takes them."""
    params: str = ""
    macs: str = ""
    accuracy: str = ""
    source: str = ""


SYSTEMS = (
    System(
        title="LruNet",
        paper="Convolutional Neural Networks with Layer Reuse, https://arxiv.org/abs/1901.09615",
        networks=("lrunet_*",),
        notes=(
            "Accuracies are those stored in the authors' checkpoints: the best test accuracy over "
            "all epochs. The paper's printed tables could not be read; parameters were counted in "
            "the checkpoints.",
            "The abstract and the checkpoints disagree about what reuse gains over one "
            "application: CIFAR-10 5.14 points in the abstract, 5.43 between the checkpoints; "
            "CIFAR-100 5.85 and 5.62; Fashion-MNIST 2.29 in both. Some printed row must differ "
            "from its checkpoint by 0.2 to 0.3 points; which one is unknown.",
            "The 125 thousand parameters quoted for the 1x networks are the weights of "
            "convolutions alone (124,992 on CIFAR-10), which do not depend on the number of "
            "applications. BatchNorms do: with 14 applications they hold 81,280 parameters.",
            "Fashion-MNIST is trained at 32 pixels (cropped after padding) and tested at 28. MACs "
            "here are at 32; at 28 pixels 10-LruNet-1x has 22,908,672.",
        ),
    ),
    System(
        title="MobileNetV1",
        paper="MobileNets: Efficient Convolutional Neural Networks for Mobile Vision "
        "Applications, https://arxiv.org/abs/1704.04861",
        networks=("mobilenet_v1_*",),
        notes=(
            "`mobilenet_v1_cifar_*` is the variant that LruNet's authors compare with: other "
            "strides, and widths cut to int(channels x width).",
            "The paper's table 1 prints stride 2 for the last depthwise convolution, but its own "
            "map sizes say 1, as does the released code; we use 1. Table 2 prints 1.19 % of the "
            "multiply-adds for the first convolution where 1.91 % is right (the printed rows sum "
            "to 99.29 %).",
            "The page of the released checkpoints prints multiply-adds for 0.75x (317 M at 224 "
            "pixels) that its own code does not have (325.4 M), and parameters slightly above the "
            "exact ones (4.24 M and 1.34 M for 4.232 M and 1.332 M).",
            "The repository of VGNet's author reports fvcore's flops, which add "
            "BatchNorms and pooling to the multiply-accumulates.",
        ),
    ),
    System(
        title="Recurrent parameter generators (RPG)",
        paper="Compact and Optimal Deep Learning with Recurrent Parameter Generators, "
        "https://arxiv.org/abs/2107.07110",
        networks=("resnet18*", "resnet34*"),
        notes=(
            "Only the figures of the abstracts could be read. They count ring elements alone; "
            "the stem, BatchNorms and classifier have weights of their own, which our parameters "
            "include.",
            "ResNet-18: 18 % of the weights (third version) fits no exact count. The ring of "
            "2,359,296 elements, the released code's default, is 21.1 % of the generated weights "
            "and 20.2 % of the dense network; 2 M of 11 M, rounded, would be 18 %.",
            "ResNet-34: 41.6 % (first version) and 52 % of the dense network's accuracy (third) "
            "cannot be the same measurement: 41.6 / 0.52 = 80.0, while a dense ResNet-34 reaches "
            "about 73.3. The ring size behind them is not stated; more than 400 times fewer "
            "allows 50,688 or 46,080 elements, and the zoo has the latter (461 times).",
            "In the released code the main script overrides the ring with 11,160,576 elements, "
            "which for ResNet-18 means no sharing at all.",
        ),
    ),
    System(
        title="MGIC",
        paper="MGIC: Multigrid-in-Channels Neural Network Architectures, "
        "https://arxiv.org/abs/2011.09128",
        networks=("mgic_*", "mobilenet_v3_*"),
        notes=(
            "The paper's tables could not be read. 76.1 % stands in the abstract of the first "
            "version and in no later one; group size, threshold, parameters and multiply-adds of "
            "that network are not known, so ours beside it is not claimed to be that network.",
            "Structure and defaults (group size 32, threshold 32) are those of the authors' code, "
            "which builds ResNets of any depths and names none; stages are ResNet's. ResNet-20 "
            "and 56 are narrow and have group size 8 and threshold 16.",
            "As released, the code cannot have made the 76.1 %: its MobileNetV3 has 10 outputs "
            "and a 1x1 stem without stride. `mgic_mobilenetv3_*_cifar` is as released; for "
            "ImageNet the zoo uses a 3x3 stem with stride 2 and average pooling.",
            "MobileNetV3's own figures are quoted at second hand, as hosts to compare with.",
            "The trunk of `mgic_segmentation` has 1,019,984 parameters, as instantiated from the "
            "authors' code; the rest is our LR-ASPP head, since theirs does not fit the trunk.",
        ),
    ),
    System(
        title="VGNet",
        paper="Efficient CNN Architecture Design Guided by Visualization, "
        "https://arxiv.org/abs/2207.10318",
        networks=("vgnet*",),
        notes=(
            "There are two generations. The zoo has that of the paper: ReLU, a blur of sigma 1.1 "
            "with alternating signs, last depthwise kernels shared by 8 runs of channels. The "
            "later code has SiLU, sigma 1, positive, and a plain last depthwise convolution. 0.99 "
            "M and 1.14 M of the abstract are the former's 997,358 and 1,143,190 without fixed "
            "kernels; the later code has 1,000,256 and 1,146,088.",
            "Of the paper, only the abstract could be read. That 64.4 % and 66.2 % belong to the "
            "banks of 4 and 8 kernels is our reading. Both gaps imply 67.6 % for learned "
            "kernels at 1.5 MP, below the 67.7 % of the smaller network, so the two rows were "
            "almost surely trained differently.",
            "Accuracies of the later code are re-trainings of its author. It reports fvcore's "
            "flops: multiply-accumulates, plus twice the outputs of BatchNorms, plus the inputs "
            "of pooling.",
            "`vgnet*_5.0mp` exists in code only. `vgnet*_cifar` are the code's networks for "
            "images below 128 pixels; no accuracy of theirs could be found.",
        ),
    ),
    System(
        title="Small networks to compare with",
        paper="ResNets of Deep Residual Learning for Image Recognition (section 4.2), "
        "https://arxiv.org/abs/1512.03385; DS-CNN of Hello Edge, "
        "https://arxiv.org/abs/1711.07128; a note that compares standard and depthwise "
        "convolutions on MNIST",
        networks=("resnet20*", "resnet56*", "ds_cnn*", "lenet*"),
        notes=(
            "ResNets have shortcuts without weights (option A).",
            "The note names the convolutions of its networks and not the head; flatten, 120, 84, "
            "10 is LeNet's. Its accuracies with BatchNorm, 97.98 (standard) and 97.16 "
            "(depthwise), come out within 0.4 by one epoch of Adam; without, 97.16 and 87, the "
            "second depends on the recipe. Its depthwise code has no groups in the second layer; "
            "`lenet_depthwise` has.",
        ),
    ),
)

PREAMBLE = """\
# Published figures beside ours

Made by `python benchmarks/published_figures.py`; do not edit. Our parameters and
multiply-accumulates (MACs) are exact, counted from the model files in `search_spaces/zoo/` for
the images and classes stated. Parameters are trainable scalars; fixed kernels are not among
them. Published figures are as printed; an empty cell was not published or could not be found.
Accuracies are top-1 on test images (ImageNet: validation), in per cent, from the training of the
source, not ours.
"""

HEADER = ("network", "images", "params", "MACs", "published params", "published MACs", "top-1 %")


def main() -> int:
    """Print the document, or with --check compare it with the file."""
    text = "\n".join(document())
    if "--check" not in sys.argv[1:]:
        sys.stdout.write(text)
        return 0
    current = DOCUMENT.is_file() and DOCUMENT.read_text(encoding="utf-8") == text
    if not current:
        name = Path(__file__).name
        print(f"{DOCUMENT} is out of date: python benchmarks/{name} > docs/{DOCUMENT.name}")
    return 0 if current else 1


def document() -> Iterator[str]:
    """The lines of the whole document."""
    published = read_published()
    zoo = [name for name, path in catalogue().items() if path.parent.name == "zoo"]
    yield PREAMBLE
    for system in SYSTEMS:
        names = [name for name in zoo if any(fnmatch(name, one) for one in system.networks)]
        rows = [row for name in sorted(names, key=natural) for row in rows_of(name, published)]
        yield from section(system, rows)
    yield ""


def read_published() -> tuple[Row, ...]:
    """The published figures of networks that are in the zoo."""
    text = files("nas.report").joinpath("published.csv").read_text(encoding="utf-8")
    return tuple(
        Row(
            network=row["network"],
            dataset=row["dataset"],
            px=int(row["macs_px"]),
            settings=row["settings"],
            params=row["published_params"],
            macs=row["published_macs"],
            accuracy=f"{100 * float(row['accuracy']):.3f}".rstrip("0").rstrip("."),
            source=row["source"],
        )
        for row in csv.DictReader(text.splitlines())
        if row["network"]
    )


def rows_of(name: str, published: Iterable[Row]) -> tuple[Row, ...]:
    """The network's published rows, after one of its own if none is of the zoo's very form."""
    found = tuple(row for row in published if row.network == name)
    if any(not row.settings for row in found):
        return found
    dataset = usual_dataset(name)
    return (Row(network=name, dataset=dataset, px=DATASETS[dataset].px), *found)


def usual_dataset(name: str) -> str:
    """What a network without published figures is counted for."""
    if name.startswith("lrunet") and name.endswith("_2x"):
        return "cifar100"
    if name.endswith("segmentation"):
        return "cityscapes"
    if name.startswith("lenet"):
        return "mnist"
    if name.startswith("ds_cnn"):
        return "speech_commands"
    small = "cifar" in name or name.startswith("lrunet") or name in SMALL_RESNETS
    return "cifar10" if small else "imagenet"


SMALL_RESNETS = ("mgic_resnet20", "mgic_resnet56")


def natural(name: str) -> list[tuple[int, float, str]]:
    """Sort key in which lrunet_2 comes before lrunet_10."""
    parts = re.split(r"(\d+(?:\.\d+)?)", name)
    return [(0, float(one), "") if one[:1].isdigit() else (1, 0.0, one) for one in parts if one]


def section(system: System, rows: Sequence[Row]) -> Iterator[str]:
    """Heading, table, sources and notes of one system."""
    sources = list(dict.fromkeys(row.source for row in rows if row.source))
    variants = list(dict.fromkeys(row.settings for row in rows if row.settings))
    yield f"## {system.title}\n\n{system.paper}\n"
    yield "| " + " | ".join(HEADER) + " |"
    yield "| --- | --- " + "| ---: " * (len(HEADER) - 2) + "|"
    for row in rows:
        yield line_of(row, sources, variants)
    yield ""
    for number, source in enumerate(sources, 1):
        yield f"{number}. {source}"
    if sources:
        yield ""
    for variant in variants:
        flags = " ".join(f"--set '{one}'" for one in variant.split())
        yield f"\\* the later code, `{flags}`\n"
    for note in system.notes:
        yield f"- {note}"
    yield ""


def line_of(row: Row, sources: Sequence[str], variants: Sequence[str]) -> str:
    """One line of a table: our counts, then what was published."""
    data = DATASETS[row.dataset]
    arch = load_architecture(row.network, row.settings.split())
    shape = (data.channels, row.px, data.width or row.px)
    cost = cost_of(arch, input_shape=shape, num_classes=data.num_classes)
    params = f"{cost.params:,}"
    if cost.ring_params:
        params += f", {cost.ring_params:,} in the ring"
    cells = (
        f"`{row.network}`" + (r" \*" if row.settings in variants else ""),
        f"{'x'.join(map(str, shape))}, {data.num_classes} classes ({data.title})",
        params,
        f"{cost.macs:,}",
        row.params,
        row.macs,
        f"{row.accuracy} [{sources.index(row.source) + 1}]" if row.source else "",
    )
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
