"""Which of torch's operations can write into what they read."""

from __future__ import annotations

ELEMENTWISE = frozenset(
    f"aten::{name}"
    for name in (
        "_native_batch_norm_legit_no_training",
        "_prelu_kernel",
        "add.Tensor",
        "elu",
        "gelu",
        "hardsigmoid",
        "hardswish",
        "hardtanh",
        "leaky_relu",
        "mish",
        "mul.Tensor",
        "native_batch_norm",
        "relu",
        "sigmoid",
        "silu",
        "sub.Tensor",
        "tanh",
    )
)


def is_elementwise(name: str) -> bool:
    """Whether an operation, by its name in aten, can write into an input nobody reads again.

    All that torch itself calls in-place can: `aten::relu_`.
    """
    return name in ELEMENTWISE or name.partition(".")[0].endswith("_")
