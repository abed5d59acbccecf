"""What holds for every test process."""

from __future__ import annotations

import os
import signal
import threading

# Small networks run faster on one thread than on threads that wait for each other. Read when
# torch is first imported, which is after this.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How wide the terminal is that the tests were started from says nothing about the output.
os.environ.pop("COLUMNS", None)

# A background job of a shell ignores Ctrl-C, and all its children with it; some tests send it.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
