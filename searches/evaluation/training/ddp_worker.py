"""Trains its part of every batch: ``python -m searches.evaluation.training.ddp_worker``, the job on its stdin.

The leader (``ddp_launch.py``) starts it, watches it and ends it; files, values and the clock are the leader's alone.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from nasportal.lib.child_process import die_with_parent
from searches.evaluation.evaluator import assist
from searches.evaluation.job import Job
from searches.evaluation.training.ddp import join
from searches.evaluation.training.ddp_launch import set_loopback
from searches.evaluation.worker import settle_torch


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m searches.evaluation.training.ddp_worker", description=__doc__)
    for name in ("rank", "size", "parent"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--backend", required=True)
    parser.add_argument("--meeting", type=Path, required=True)
    parser.add_argument("--memory-limit-bytes", type=int)
    options = parser.parse_args(arguments)
    die_with_parent(options.parent)
    settle_torch()
    set_loopback()
    job = Job.from_document(json.load(sys.stdin))
    with join(options.rank, options.size, options.meeting, options.backend) as group:
        assist(job, group, options.memory_limit_bytes)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
