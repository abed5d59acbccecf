"""What a proxy training tells of a long one: networks of 1k to 100k parameters, on all settings.

    python benchmarks/proxy_worth train --processes 2     # results/proxy_worth/trainings.jsonl
    python benchmarks/proxy_worth print                   # the tables and the picture

Training takes about five minutes of one core for each network; stop it and start it again as you
like, it goes on. The networks come in an order in which every first part of them is spread evenly
over parameters and kinds of blocks.
"""

from __future__ import annotations

import argparse
import os

# Before torch loads: large tensors keep their memory between steps, and one thread each.
os.environ |= {
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "-1",
}


def main() -> None:
    """Train, or print what was learnt."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("verb", choices=("train", "print"))
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if options.verb == "train":
        from training import train_missing

        train_missing(options.processes)
    else:
        from analysis import print_tables

        print_tables()


if __name__ == "__main__":
    main()
