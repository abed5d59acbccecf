"""Ray Tune: trainings as trials, searches of recipes, and `nas` spaces for users of Tune.

Ray is loaded when a function needs it, never by importing this package.
"""

from nas.tune._adapter import architecture, param_space, proxy_trainable
from nas.tune._recipes import (
    SEARCHED,
    TunedRecipe,
    TuneSettings,
    begin_tuning,
    first_values,
    searched_keys,
    tune_recipe,
    with_values,
)
from nas.tune._trials import RETRIES, Resources, Tell, run_trials

__all__ = [
    "RETRIES",
    "SEARCHED",
    "Resources",
    "Tell",
    "TuneSettings",
    "TunedRecipe",
    "architecture",
    "begin_tuning",
    "first_values",
    "param_space",
    "proxy_trainable",
    "run_trials",
    "searched_keys",
    "tune_recipe",
    "with_values",
]
