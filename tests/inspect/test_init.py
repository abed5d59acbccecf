from __future__ import annotations

import nas.inspect


def test_public_names() -> None:
    assert nas.inspect.__all__ == [
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
        "inspect_network",
        "kernel_groups",
        "label_kernels",
        "linear_cka",
        "open_space",
        "prototypes",
        "suggest",
        "write_inspection",
    ]
    assert all(hasattr(nas.inspect, name) for name in nas.inspect.__all__)
