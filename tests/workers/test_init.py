from __future__ import annotations

import nas.workers


def test_the_public_names() -> None:
    public = {name for name in vars(nas.workers) if not name.startswith("_")}

    assert public == set(nas.workers.__all__)
