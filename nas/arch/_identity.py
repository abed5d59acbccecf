"""The canonical form of a network: equal for equal networks, whatever the data they are for.

It holds the network's calls, and its rings if it has any. The name takes no part, nor does the
split in stages where nothing is shared by stage. Image channels and classes belong to the data;
3 and 10 stand in for them, and where the network depends on them in a way of its own, it is also
said how.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nas.components import Call, to_plain
from nas.errors import IllegalArchitecture

if TYPE_CHECKING:
    from nas.arch._records import Architecture
    from nas.arch._rings import RingPlan

INPUT, OTHER_INPUT = (3, 10), (11, 99_991)
"""Image channels and classes that stand in for the data's. Rings that read the stem or the head
may be equal at the first and differ elsewhere: at the second, chosen to have nothing in common
with real data, sizes that are not the same everywhere are not the same."""
MAX_CHANNELS = 64
"""Channels of images up to which a network without a stem is looked for."""
FIRST_STAGE = "stages.0"
"""Path of the only stage that sees the image's channels."""
OTHER_CHANNELS = 65_521
"""The same for networks without a stem; prime, and no count in a real model file."""


def canonical_json(arch: Architecture) -> str:
    """Calls and rings as JSON. Raises IllegalArchitecture where there is no such network."""
    channels, classes = image_channels(arch), INPUT[1]
    calls = arch.calls(in_channels=channels, num_classes=classes)
    listed = f"[{','.join(map(_call_json, calls))}]"
    rings = arch.rings(in_channels=channels, num_classes=classes)
    elsewhere = "" if arch.stem.channels else _calls_elsewhere(arch, calls, channels)
    if not rings and arch.resolution is None and not elsewhere:
        return listed
    differing = _rings_elsewhere(arch, rings, channels) if rings else ""
    shared = f',"rings":{_json(_plain(rings))}{differing}' if rings else ""
    seen = "" if arch.resolution is None else f',"resolution":{arch.resolution}'
    return f'{{"calls":{listed}{elsewhere}{shared}{seen}}}'


def image_channels(arch: Architecture) -> int:
    """Image channels at which there is such a network: 3, or the first that its stages take.

    Raises IllegalArchitecture where there are none; with the reason why not at 3.
    """
    if (reason := _refusal(arch, INPUT[0])) is None:
        return INPUT[0]
    if not arch.stem.channels:
        for channels in range(1, MAX_CHANNELS + 1):
            if (other := _refusal(arch, channels)) is None:
                return channels
            # What comes after the first stage does not see the image's channels.
            if not other.path.startswith(FIRST_STAGE):
                raise other
    raise reason


def _refusal(arch: Architecture, channels: int) -> IllegalArchitecture | None:
    try:
        arch.calls(in_channels=channels, num_classes=INPUT[1])
    except IllegalArchitecture as error:
        return error
    return None


def _calls_elsewhere(arch: Architecture, calls: tuple[Call, ...], channels: int) -> str:
    """What the calls come to at other image channels, which without a stem the stages see.

    Nothing where only the image's channels differ, as they do with every stem.
    """
    try:
        other = arch.calls(in_channels=OTHER_CHANNELS, num_classes=INPUT[1])
    except IllegalArchitecture:
        return f',"channels":{channels}'
    if tuple(_with_channels(one, OTHER_CHANNELS, channels) for one in other) == calls:
        return ""
    return f',"other_channels":[{",".join(map(_call_json, other))}]'


def _with_channels(value: Any, channels: int, wanted: int) -> Any:
    """A call in which a number of channels is another one."""
    if isinstance(value, Call):
        pairs = ((key, _with_channels(one, channels, wanted)) for key, one in value.arguments)
        return Call(value.name, tuple(pairs))
    return wanted if value == channels else value


def _rings_elsewhere(arch: Architecture, rings: tuple[RingPlan, ...], channels: int) -> str:
    """What rings come to at other image channels and classes; nothing where that is the same.

    Their given sizes are part of it: ratios may come to equal sizes by rounding. Without a stem
    any ring may read kernels that see the image.
    """
    if arch.stem.channels and not any(sharer.reads_inputs for sharer in arch.sharers):
        return ""
    other_channels = OTHER_INPUT[0] if arch.stem.channels else _other_channels(arch, channels)
    try:
        other = arch.rings(in_channels=other_channels, num_classes=OTHER_INPUT[1])
    except IllegalArchitecture:
        other = ()
    if other == rings:
        return ""
    given = [
        [one.sharing.ring, one.sharing.ratio]
        for one in arch.sharers
        if one.sharing.scope != "none"
    ]
    return f',"given":{_json(given)},"elsewhere":{_json(_plain(other))}'


def _other_channels(arch: Architecture, channels: int) -> int:
    """Other image channels that the stages take; `channels` where there are no others."""
    tried = (OTHER_INPUT[0], *range(1, MAX_CHANNELS + 1))
    fitting = (one for one in tried if one != channels and _refusal(arch, one) is None)
    return next(fitting, channels)


@lru_cache(maxsize=1 << 16)
def _call_json(call: Call) -> str:
    return _json(to_plain(call))


def _plain(rings: tuple[RingPlan, ...]) -> list[dict[str, Any]]:
    return [ring.to_plain() for ring in rings]


def _json(plain: object) -> str:
    return json.dumps(plain, separators=(",", ":"))
