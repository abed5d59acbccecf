"""How good a network is, before it is trained for long: a short recipe, and who runs it."""

from nas.proxy._evaluator import Build, Evaluator
from nas.proxy._recipe import PROXY_SCHEDULE, proxy_recipe
from nas.proxy._train import train_proxy

__all__ = [
    "PROXY_SCHEDULE",
    "Build",
    "Evaluator",
    "proxy_recipe",
    "train_proxy",
]
