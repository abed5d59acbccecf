"""Activations of torch that take no `inplace`, and are given it like the others."""

from torch import nn


class Gelu(nn.GELU):
    """Gaussian error linear unit - https://arxiv.org/abs/1606.08415."""

    def __init__(self, inplace: bool = False) -> None:
        """`inplace` makes no difference."""
        super().__init__()


class PRelu(nn.PReLU):
    """ReLU with a learned slope below zero - https://arxiv.org/abs/1502.01852."""

    def __init__(self, inplace: bool = False) -> None:
        """`inplace` makes no difference; one slope for all channels."""
        super().__init__()


class Tanh(nn.Tanh):
    """Hyperbolic tangent."""

    def __init__(self, inplace: bool = False) -> None:
        """`inplace` makes no difference."""
        super().__init__()
