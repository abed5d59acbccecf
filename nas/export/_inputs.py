"""What an exported file knows of its inputs: class names, and preprocessing as code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nas.export._answers import ANSWERS
from nas.export._render import WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.data import ImageData

Shape = tuple[int, int, int]
OWN_NAMES = (
    "INPUT_SHAPE",
    "CLASS_NAMES",
    "MEAN",
    "STD",
    "preprocess",
    "read_image",
    "load",
    "main",
)
"""What `usage_code` may define, beside the classes of a network."""
OWN_IMPORTS = frozenset(["import torch", "from torch import Tensor", "from torch import nn"])
"""What every exported file may need, whatever its network."""
IMAGE_MODES = {1: "L", 3: "RGB"}
"""Pillow's modes for images with so many channels; others are no pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """How images were prepared in training, and what the classes are called."""

    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    """Per channel, of pixels divided by 255."""
    std: tuple[float, ...]
    """Per channel, of pixels divided by 255."""
    bounded: bool = True
    """Whether pixels lie between 0 (black) and 255 (white)."""
    resize: Literal["crop", "pad", "stretch"] = "crop"
    """What becomes of images of another shape."""
    levels: tuple[float, float] = (0.0, 65535.0)
    """What is black and white in pictures of more than 8 bits."""
    task: str = "classification"
    """What the logits mean: one class of several, several classes, a mask, or numbers."""

    @classmethod
    def of(cls, data: ImageData) -> Inputs:
        """As the data have it."""
        return cls(
            class_names=data.class_names,
            mean=data.mean,
            std=data.std,
            bounded=data.bounded,
            resize=data.options.resize,
            **({} if data.levels is None else {"levels": data.levels}),
            task=data.options.task,
        )

    def is_picture(self, shape: Shape) -> bool:
        """Whether picture files can be read for an input of this shape: then it is a program."""
        return self.bounded and shape[0] in IMAGE_MODES


def usage_code(
    inputs: Inputs,
    class_name: str,
    input_shape: Shape,
    *,
    weights: bool,
    several_heads: bool = False,
) -> str:
    """The end of an exported file: constants, preprocessing and, given weights, a program."""
    parts = [_constants(inputs, input_shape), _preprocess(inputs, input_shape)]
    if inputs.is_picture(input_shape):
        parts.append(_read_image(input_shape, inputs.levels))
    if weights:
        parts.append(_load(class_name))
    if weights and inputs.is_picture(input_shape):
        parts += [_main(inputs.task, several_heads), 'if __name__ == "__main__":\n    main()']
    return "\n\n\n".join(parts) + "\n"


def _constants(inputs: Inputs, input_shape: Shape) -> str:
    return "\n".join(
        (
            _constant("INPUT_SHAPE", input_shape),
            _constant("CLASS_NAMES", inputs.class_names),
            _constant("MEAN", inputs.mean),
            _constant("STD", inputs.std),
        )
    )


def _constant(name: str, values: Sequence[object]) -> str:
    items = [_quoted(value) for value in values]
    line = f"{name} = ({', '.join(items)}{',' if len(items) == 1 else ''})"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name} = (", *(f"    {item}," for item in items), ")"])


def _quoted(value: object) -> str:
    """As `ruff format` writes it: in double quotes unless that needs more escapes."""
    text = repr(value)
    if not isinstance(value, str) or text.startswith('"') or '"' in value:
        return text
    return f'"{text[1:-1]}"'


def _preprocess(inputs: Inputs, input_shape: Shape) -> str:
    channels, height, width = input_shape
    pixels = "pixels from 0 (black) to 255 (white)" if inputs.bounded else "values"
    return f'''def preprocess(pixels: Tensor) -> Tensor:
    """(B, {channels}, H, W) {pixels} -> (B, {channels}, {height}, {width}), as in training."""
    height, width = pixels.shape[2:]
{_RESIZE[inputs.resize].format(height=height, width=width)}
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (MEAN, STD))
    return (pixels / 255 - mean) / std'''


_INTERPOLATE = (
    'pixels = nn.functional.interpolate(pixels, size={size}, mode="bilinear", antialias=True)'
)
_RESIZE = {
    "stretch": f"""    pixels = pixels.float()
    if (height, width) != ({{height}}, {{width}}):
        {_INTERPOLATE.format(size="({height}, {width})")}""",
    "crop": f"""    pixels = pixels.float()
    if (height, width) != ({{height}}, {{width}}):
        # The middle of the image, as much of it as has the network's proportions.
        scale = max({{height}} / height, {{width}} / width)
        kept = min(height, round({{height}} / scale)), min(width, round({{width}} / scale))
        top, left = (height - kept[0]) // 2, (width - kept[1]) // 2
        pixels = pixels[:, :, top : top + kept[0], left : left + kept[1]]
        {_INTERPOLATE.format(size="({height}, {width})")}""",
    "pad": f"""    pixels = pixels.float()
    if (height, width) != ({{height}}, {{width}}):
        # The whole image, with black edges where its proportions are not the network's.
        scale = min({{height}} / height, {{width}} / width)
        inner = max(1, round(height * scale)), max(1, round(width * scale))
        {_INTERPOLATE.format(size="inner")}
        top, left = ({{height}} - inner[0]) // 2, ({{width}} - inner[1]) // 2
        edges = (left, {{width}} - inner[1] - left, top, {{height}} - inner[0] - top)
        pixels = nn.functional.pad(pixels, edges)""",
}


def _read_image(input_shape: Shape, levels: tuple[float, float]) -> str:
    channels, height, width = input_shape
    mode = IMAGE_MODES[channels]
    low, high = levels
    return f'''def read_image(path: str) -> Tensor:
    """A picture -> (1, {channels}, {height}, {width}), prepared as in training. Needs Pillow."""
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened)
    if image.mode.startswith(("I", "F")):  # more than 8 bits: {low:g} is black, {high:g} white
        scale = 255 / ({high!r} - {low!r})
        image = image.convert("F").point(lambda value: value * scale + (0.5 - {low!r} * scale))
        image = image.convert("L")
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    raw = bytearray(image.convert("RGB").convert("{mode}").tobytes())
    pixels = torch.frombuffer(raw, dtype=torch.uint8).view(image.height, image.width, {channels})
    return preprocess(pixels.movedim(2, 0)[None])'''


def _load(class_name: str) -> str:
    return f'''def load() -> {class_name}:
    """The trained network, from the weights beside this file. Needs safetensors."""
    from pathlib import Path

    from safetensors.torch import load_model

    model = {class_name}()
    load_model(model, str(Path(__file__).with_suffix(".safetensors")))
    return model.eval()'''


def _main(task: str, several_heads: bool) -> str:
    outputs = "torch.cat(model(image), 1)" if several_heads else "model(image)"
    answer = ANSWERS[task]
    return f'''def main() -> None:
    """Print the {answer.printed} of the pictures named on the command line."""
    import signal
    import sys

    if len(sys.argv) < 2:
        sys.exit(f"usage: python {{sys.argv[0]}} IMAGE...")
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` has read enough: end quietly
    try:
        model = load()
    except (OSError, RuntimeError) as error:
        sys.exit(f"the weights cannot be loaded: {{error}}")
    unread = 0
    for path in sys.argv[1:]:
        try:
            image = read_image(path)
        except Exception as error:  # of many kinds, and the other pictures are to be read
            print(f"{{path}}: {{error}}", file=sys.stderr)
            unread += 1
            continue
        with torch.inference_mode():
            {answer.computed.replace("OUTPUTS", outputs)}
        print(path)
{answer.lines}
    sys.exit(unread > 0)'''


def with_usage(source: str, usage: str) -> str:
    """An emitted network followed by `usage`, which needs `torch` itself."""
    lines = source.splitlines()
    if "import torch" not in lines:
        place = next(number for number, line in enumerate(lines) if line.startswith("from torch"))
        lines.insert(place, "import torch")
    return "\n".join(lines).rstrip() + "\n\n\n" + usage
