"""Small networks run faster on one thread than on threads that wait for each other."""

from __future__ import annotations

import os

# Read when torch is first imported, which is after this.
os.environ.setdefault("OMP_NUM_THREADS", "1")
