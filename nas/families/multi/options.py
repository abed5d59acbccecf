"""Several heads at once: one trunk that answers several questions.

Paper: RPG shares one ring among the tasks of such a network -
https://arxiv.org/abs/2107.07110 (multitask regression and pose, of which no code is published).
The module is in `modules.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from keyword import kwlist

from nas.components import Call, Count, Head, Slot

INPUT = "images"
TAKEN = frozenset([*kwlist, INPUT])
"""What no output can be called, in exported code and in ONNX files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One head of several, and what comes out of it."""

    name: str
    """Of the output, in ONNX files too: letters, digits and underscores."""
    outputs: Count
    """Numbers it gives, or channels of its map: its own, whatever the data's classes."""
    head: Head
    """Any kind of head, but not several again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiHead(Head):
    """Two heads or more on the same last feature map; their outputs come in the order given."""

    kind = "multi"
    heads: tuple[Output, ...]
    """At least two, each with a name of its own."""

    @property
    def outputs(self) -> tuple[tuple[str, int, Head], ...]:
        """Name, number and head of each output."""
        return tuple((one.name, one.outputs, one.head) for one in self.heads)

    def call(self, slot: Slot) -> Call:
        """MultiHead, with a head's call under each name."""
        self._require_names(slot)
        slots = (
            replace(slot, path=f"{slot.path}.heads.{number}.head")
            for number in range(len(self.heads))
        )
        made = ((one.name, self._one(one, at)) for one, at in zip(self.heads, slots, strict=True))
        return Call("MultiHead", tuple(made))

    def _require_names(self, slot: Slot) -> None:
        if len(self.heads) < 2:
            raise slot.refuse(
                "several heads are at least two",
                "one head alone; write it as the network's head, or list another one",
            )
        (name, count), *_ = Counter(one.name for one in self.heads).most_common(1)
        if count > 1:
            raise slot.refuse(
                "each head has its own name",
                f"{count} heads are called {name}; give each a name of its own",
            )
        for one in self.heads:
            if not one.name.isidentifier() or not one.name.isascii() or one.name in TAKEN:
                raise slot.refuse(
                    "a head's name is an identifier",
                    f"name {one.name!r}: use letters, digits and underscores, no digit first, "
                    f"and neither a word of Python nor `{INPUT}`, the input's name",
                )

    def _one(self, one: Output, slot: Slot) -> Call:
        inner = replace(slot, path=f"{slot.path}.{one.head.kind}", out_channels=one.outputs)
        if one.head.outputs:
            raise inner.refuse(
                "heads do not nest", "several heads within one of several; list them all in one"
            )
        made = one.head.call(inner)
        assert made is not None, "heads always leave something to do"
        return made
