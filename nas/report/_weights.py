"""Networks of a front whose weights are gone, and what brings them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.units import counted, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from nas.report._front import FrontRow

SHOWN = 8
"""Ids that are written out."""


def weights_remarks(
    rows: Sequence[FrontRow], with_weights: Collection[str] | None, *, run: str
) -> tuple[str, ...]:
    """A sentence on networks without weights; none where there are no such networks.

    Args:
        rows: The front.
        with_weights: Ids of networks whose weights are kept; None where they come and go, as
            while a search is under way.
        run: The run folder, as it is named.
    """
    if with_weights is None:
        return ()
    bare = [row.arch_id for row in rows if row.arch_id not in with_weights]
    if not bare:
        return ()
    more = f" and {len(bare) - SHOWN:,} more" if len(bare) > SHOWN else ""
    return (
        f"{counted(len(bare), 'network')} of the front without weights ({', '.join(bare[:SHOWN])}"
        f"{more}), as `nas export` needs them: `nas repair {quoted(run)}` trains these again, "
        "as the search did.",
    )
