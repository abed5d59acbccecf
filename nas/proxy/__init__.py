"""How good a network is, before it is trained for long."""

from nas.proxy._evaluator import Build, Evaluator

__all__ = ["Build", "Evaluator"]
