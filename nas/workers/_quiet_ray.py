"""Ray with its noise turned off. The package takes Ray from here, never directly.

Ray reads these settings while it is imported, so they must stand before the import. A value
that the user has set already is left alone.
"""

import os

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # would send data home
# A worker's death is reported in the trial's record. Ray would also print a paragraph on it,
# into the middle of the live progress; this is its documented filter for lines printed.
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".*")

import ray
from ray.util import metrics

__all__ = ["metrics", "ray"]
