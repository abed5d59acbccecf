from __future__ import annotations

import nas.proxy


def test_public_names() -> None:
    assert nas.proxy.__all__ == [
        "DATASETS",
        "DEFAULT_FIDELITY",
        "Build",
        "Evaluator",
        "ImageData",
        "Images",
        "augment",
        "evaluate_model",
        "learning_rates",
        "load_data",
        "load_test",
        "proxy_seed",
        "resized",
        "seeded",
        "stratified_order",
        "train_proxy",
    ]
    assert all(hasattr(nas.proxy, name) for name in nas.proxy.__all__)
