"""Whether a network's head answers what the data ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.train._tasks import TASKS

if TYPE_CHECKING:
    from nas.components import Head


def head_fault(head: Head, task: str, num_outputs: int) -> str | None:
    """What the task needs and `head` does not give, in words; None where it suits.

    Args:
        head: Of the network.
        task: As the data have it.
        num_outputs: Numbers that the data have for each image, or classes.
    """
    if head.outputs:
        return _fault_of_several(head, task, num_outputs)
    per_pixel = TASKS[task].has_masks
    if head.is_dense == per_pixel:
        return None
    if per_pixel:
        return "head: pixels, a class for each pixel; there is the space dense"
    return "one answer an image, not one for each pixel"


def _fault_of_several(head: Head, task: str, num_outputs: int) -> str | None:
    if not TASKS[task].has_several_heads:
        able = ", ".join(name for name, one in TASKS.items() if one.has_several_heads)
        return (
            "a single head; several learn from data with numbers or several classes an image "
            f"({able})"
        )
    if dense := [name for name, _, one in head.outputs if one.is_dense]:
        return f"heads for the whole image; {', '.join(dense)} answers for each pixel"
    if (total := sum(count for _, count, _ in head.outputs)) != num_outputs:
        return f"{num_outputs} outputs in all, and the heads have {total}"
    return None
