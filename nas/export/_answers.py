"""What a network answers, by its task: in the exported program, and in its model card."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What outputs mean, in words and in code; `OUTPUTS` stands for the expression of them."""

    printed: str
    """What the program prints."""
    computed: str
    """The program's line that computes it."""
    lines: str
    """The program's lines that print it."""
    use: str
    """What a card does with the outputs."""
    does: str = "prints its answers"
    """What the program does, in a card."""
    units: str = "classes"
    """What the outputs are."""
    accuracy: str = "accuracy"
    """What the task calls this score."""


def _likeliest(shares: str) -> str:
    return f"""\
        for share, index in zip(*{shares}.topk(min(5, len(CLASS_NAMES))), strict=True):
            print(f"{{share:8.2%}}  {{CLASS_NAMES[index]}}")"""


ANSWERS: Mapping[str, Answer] = MappingProxyType(
    {
        "classification": Answer(
            printed="likeliest classes",
            computed="probabilities = OUTPUTS.softmax(1)[0]",
            lines=_likeliest("probabilities"),
            use="classes = OUTPUTS.argmax(1)\nprint([CLASS_NAMES[one] for one in classes])",
            does="classifies",
        ),
        "multilabel": Answer(
            printed="likeliest classes",
            computed="probabilities = OUTPUTS.sigmoid()[0]",
            lines=_likeliest("probabilities"),
            use="shares = OUTPUTS.sigmoid()\n"
            "print([[CLASS_NAMES[one] for one in row.nonzero()] for row in shares > 0.5])",
        ),
        "segmentation": Answer(
            printed="largest classes, by their share of the pixels,",
            computed="pixels = OUTPUTS.argmax(1).flatten().bincount(minlength=len(CLASS_NAMES))",
            lines="        shares = pixels / pixels.sum()\n" + _likeliest("shares"),
            use="maps = OUTPUTS.argmax(1)  # (B, H, W)\n"
            "print([CLASS_NAMES[one] for one in maps.unique()])",
        ),
        "regression": Answer(
            printed="numbers",
            computed="numbers = OUTPUTS[0].tolist()",
            lines="""\
        for name, number in zip(CLASS_NAMES, numbers, strict=True):
            print(f"{number:12.6g}  {name}")""",
            use="numbers = OUTPUTS\n"
            "print([dict(zip(CLASS_NAMES, row)) for row in numbers.tolist()])",
            units="numbers",
            accuracy="R squared",
        ),
    }
)
"""By the name that data have for their task."""
