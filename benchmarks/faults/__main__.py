"""Faults injected into searches: what is lost, trained twice for nothing, or stuck.

Every fault meets a search of its own (56 settings, pretended trainings, in process; on a Ray of
its own for Ray's faults), in a process that is forked for it. What the study holds is noted while
the search lives, after each of its writes and whenever a process of it has ended, and so before
the harm. The search is then resumed until its budget is spent, and checked:

* lost: a result that was noted is missing or changed, right after the fault or in the end; what
  the fault itself wipes out (the line of a journal that it damages) excepted. A result that is
  another network's (a pretended accuracy spells its network's id) is lost in any case;
* trained twice: a network was trained again that was not in training when harm was done, nor was
  its result on its way, in the whole life of the search;
* finished results dropped: a training had ended when harm was done, the study did not hold its
  result, and its network was trained again. A result on its way is lost with the process that
  carries it: the last one of each worker, finished in the last five seconds, from a worker that
  had begun nothing since. Any other that is dropped was held back, and so is trained twice, too;
* stuck: it was not over within five minutes (on Ray, which has to start, within ten);
* unexpected: it did not end as it says it ends.

    python benchmarks/faults [--faults 200] [--kinds process files database ray] [--seed 0]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from campaign import KINDS, campaign, possible, table


def main() -> None:
    """Run the campaign and print its table; exit with 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    names = possible(options.kinds)
    tallies = campaign(options.faults, options.seed, names, verbose=options.verbose)
    text = table(tallies)
    print(text)
    if options.markdown:
        options.markdown.write_text(text + "\n", encoding="utf-8")
    wrong = sum(one.lost + one.duplicated + one.stuck for one in tallies.values())
    raise SystemExit(bool(wrong) or any(one.surprises for one in tallies.values()))


if __name__ == "__main__":
    main()
