"""The live proof: contenders with the same wall clock, one core each, on a space that trains.

    python benchmarks/live_proof run [--minutes 4] [--seeds 5]
    python benchmarks/live_proof judge
    python benchmarks/live_proof print

`run` lets two contenders search at a time, each in a process of its own that is bound to one
core and has one thread. `judge` retrains every network that was on a front at a mark, with more
epochs and another seed. `print` compares hypervolumes. All three go on where they were stopped;
records are kept in results/live_proof.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from nas.workers import allocator_variables

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "results" / "live_proof"
RUNS, JUDGED = FOLDER / "runs.jsonl", FOLDER / "judged.jsonl"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def main() -> None:
    """Run, judge or print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("verb", choices=("run", "judge", "print", "one", "judge-one"))
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--contender")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--part", type=int)
    parser.add_argument("--parts", type=int)
    options = parser.parse_args()
    verbs = {
        "run": lambda: run_all(options.seeds, 60 * options.minutes),
        "judge": judge_all,
        "print": print_all,
        "one": lambda: run_one(options.contender, options.seed, 60 * options.minutes),
        "judge-one": lambda: judge_part(options.part, options.parts),
    }
    verbs[options.verb]()


def run_all(seeds: int, seconds: float) -> None:
    """What is not there yet, seed by seed, one search on each core."""
    from contenders import CONTENDERS
    from task import read_runs

    done = {(one.contender, one.seed) for one in read_runs(RUNS)}
    cores: Queue[int] = Queue()
    for core in sorted(os.sched_getaffinity(0)):
        cores.put(core)

    def search(seed: int, name: str) -> None:
        core = cores.get()
        words = ("one", "--contender", name, "--seed", str(seed), "--minutes", str(seconds / 60))
        try:
            subprocess.run(_command(core, *words), check=True, env=_environment(name))
        finally:
            cores.put(core)
        print(f"{name}, seed {seed}: done", flush=True)

    left = [pair for pair in itertools.product(range(seeds), CONTENDERS) if pair[::-1] not in done]
    with ThreadPoolExecutor(cores.qsize()) as threads:
        list(threads.map(lambda pair: search(*pair), left))


def run_one(name: str, seed: int, seconds: float) -> None:
    """One search in this process."""
    import torch
    from contenders import contend
    from task import append

    torch.set_num_threads(1)
    append(RUNS, contend(name, seed, seconds))


def judge_all() -> None:
    """Retrain what is not retrained yet, one part of it on each core."""
    cores = sorted(os.sched_getaffinity(0))
    environment, parts = _environment("ours"), str(len(cores))
    processes = []
    for part, core in enumerate(cores):
        words = _command(core, "judge-one", "--part", str(part), "--parts", parts)
        processes.append(subprocess.Popen(words, env=environment))
    for process in processes:
        process.wait()


def judge_part(part: int, parts: int) -> None:
    """Every network whose turn it is."""
    import torch
    from judge import networks_to_judge, read_judged, retrain
    from task import read_runs

    torch.set_num_threads(1)
    known = read_judged(JUDGED)
    networks = sorted(networks_to_judge(read_runs(RUNS)).items())
    for number, (arch_id, one) in enumerate(networks):
        if arch_id not in known and number % parts == part:
            line = json.dumps({"id": arch_id, "accuracy": retrain(one)})
            with JUDGED.open("a") as file:
                file.write(f"{line}\n")


def _command(core: int, *words: str) -> list[str]:
    return ["taskset", "-c", str(core), sys.executable, str(HERE), *words]


def _environment(name: str) -> dict[str, str]:
    """Our workers choose their allocator; whoever has our trainer has this too."""
    ours = name.startswith("ours") or name.endswith("our trainer")
    return {**os.environ, **ONE_THREAD, **(allocator_variables() if ours else {})}


def print_all() -> None:
    """Hypervolumes at each mark, and how soon ours is where a rival ends."""
    from table import print_tables

    print_tables(RUNS, JUDGED)


if __name__ == "__main__":
    main()
