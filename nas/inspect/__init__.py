"""Looking into one network: depthwise kernels, feature maps, parameter rings.

What they show suggests what to open in a search space; that is how VGNet was found.
"""

from __future__ import annotations

from nas.inspect._groups import ChangeGroup, KernelGroup, change_groups, kernel_groups
from nas.inspect._inspection import (
    Inspection,
    build_trained,
    build_untrained,
    build_with_weights,
    check_subject,
    inspect_network,
)
from nas.inspect._look import look_into
from nas.inspect._maps import linear_cka
from nas.inspect._plot_masks import plot_masks
from nas.inspect._prototypes import (
    LABELS,
    THRESHOLD,
    Label,
    chance_shares,
    label_kernels,
    prototypes,
)
from nas.inspect._suggest import Suggestion, open_space, suggest
from nas.inspect._write import Written, to_plain, write_inspection

__all__ = [
    "LABELS",
    "THRESHOLD",
    "ChangeGroup",
    "Inspection",
    "KernelGroup",
    "Label",
    "Suggestion",
    "Written",
    "build_trained",
    "build_untrained",
    "build_with_weights",
    "chance_shares",
    "change_groups",
    "check_subject",
    "inspect_network",
    "kernel_groups",
    "label_kernels",
    "linear_cka",
    "look_into",
    "open_space",
    "plot_masks",
    "prototypes",
    "suggest",
    "to_plain",
    "write_inspection",
]
