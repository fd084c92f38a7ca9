"""The ground floor: exact against torch and the published table, quick, and small when stored."""

import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from architectures import spaces
from architectures.ir import compact, json
from architectures.ir.complexity import complexity
from architectures.ir.fingerprint import fingerprint
from architectures.ir.graph import Graph
from architectures.ir.verify import verify
from architectures.nets.module import build
from architectures.spaces import Space
from architectures.spaces.limits import PRESETS
from tests.architectures import examination

ROOT = Path(__file__).parent.parent
TWELVE = spaces.create("chain", (3, 32, 32), 10, min_layers=12, max_layers=12)
LARGE = (
    spaces.create("chain", (3, 32, 32), 10, min_layers=20, max_layers=20),
    spaces.create("cell201", (3, 32, 32), 10),
    spaces.create("mobile", (3, 224, 224), 1000),
)


def run() -> dict[str, Any]:
    """NASPORTAL_BENCH_SHARE=.1 looks at a tenth of the architectures."""
    torch.set_num_threads(1)
    share = float(os.environ.get("NASPORTAL_BENCH_SHARE", "1"))
    return {
        "speed": speed(),
        "constrained_samples_per_cpu_second": constrained(),
        "compact": compact_form(),
        "database": database(),
        "nasbench201": published(share),
        "against_torch": against_torch(share),
    }


def speed() -> dict[str, Any]:
    """A chain of 12 layers: decode (which verifies), verify, all complexity figures; CPU time, in one run."""
    genotypes = [TWELVE.sample(Random(number)) for number in range(400)]
    own = [_cpu_ms(lambda genotype=genotype: _all_figures(genotype)) for genotype in genotypes]
    cold = [_cpu_ms(lambda genotype=genotype: _counter(TWELVE.decode(genotype))) for genotype in genotypes[:24]]
    modules = [build(TWELVE.decode(genotype)).eval() for genotype in genotypes[:24]]
    warm = [_cpu_ms(lambda module=module: _count(module)) for module in modules]
    median = statistics.median(own)
    return {
        "median_cpu_ms": round(median, 3),
        "p95_cpu_ms": round(sorted(own)[int(len(own) * 0.95)], 3),
        "median_nodes": statistics.median(len(TWELVE.decode(genotype).nodes) for genotype in genotypes),
        "flop_counter_mode_times_slower": round(statistics.median(warm) / median, 1),
        "flop_counter_mode_with_building_times_slower": round(statistics.median(cold) / median, 1),
    }


def _all_figures(genotype: tuple[int, ...]) -> None:
    graph = TWELVE.decode(genotype)
    verify(graph)
    complexity(graph)


def _counter(graph: Graph) -> None:
    _count(build(graph).eval())


def _count(module: torch.nn.Module) -> None:
    with FlopCounterMode(display=False), torch.no_grad():
        module(torch.zeros(1, 3, 32, 32))


def _cpu_ms(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return 1e3 * (time.process_time() - started)


def constrained() -> dict[str, int]:
    """Under the mobile preset, limits checked on counted figures of every draw."""
    found = {}
    for space in examination.cases():
        space.sample(Random(0), PRESETS["mobile"])
        started, samples = time.process_time(), 400
        for number in range(samples):
            space.sample(Random(number), PRESETS["mobile"])
        found[examination.title(space)] = round(samples / (time.process_time() - started))
    return found


def compact_form() -> dict[str, Any]:
    found = {}
    for space in LARGE:
        ratios, sizes = [], []
        for number in range(200):
            graph = space.decode(space.sample(Random(number)))
            text = compact.dumps(graph)
            assert compact.loads(text) == graph
            ratios.append(len(json.dumps(graph)) / len(text))
            sizes.append(len(text))
        found[examination.title(space)] = {
            "times_smaller_median": round(statistics.median(ratios), 1),
            "times_smaller_least": round(min(ratios), 1),
            "bytes_median": statistics.median(sizes),
        }
    return found


def database() -> dict[str, float]:
    """Candidates of 20-layer chains in the portal's own schema, indexes included."""
    rows = 20_000
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NASPORTAL_DATA": folder, "NASPORTAL_SECRET_KEY": "for this measurement only"}
        environment.pop("DATABASE_URL", None)
        command = [sys.executable, str(ROOT / "manage.py"), "migrate", "-v", "0"]
        subprocess.run(command, env=environment, check=True)
        path = next(Path(folder).glob("*.sqlite3"))
        before = _size(path)
        _insert(path, rows)
        return {"megabytes_of_100_000_candidates": round((_size(path) - before) * 100_000 / rows / 1e6, 1)}


def _insert(path: Path, rows: int) -> None:
    fields = "run_id, number, fingerprint, genotype, parents, change, graph, params, macs, memory_bytes, generation"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        marks = ", ".join("?" * len(fields.split(", ")))
        connection.executemany(f"INSERT INTO searches_candidate ({fields}) VALUES ({marks})", _candidates(rows))
    connection.close()


def _candidates(rows: int) -> Iterable[tuple[Any, ...]]:
    space = LARGE[0]
    for number in range(rows):
        parent = space.sample(Random(number // 10))
        child = space.mutate(parent, Random(number))
        graph = space.decode(child.genotype)
        counted = complexity(graph)
        figures = (counted.params, counted.macs, counted.activation_peak_bytes, number // 24)
        genotype = str(list(child.genotype))
        mark = fingerprint(graph)
        yield 1, number, mark, genotype, f"[{number // 10}]", child.change, compact.dumps(graph), *figures


def _size(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path.stat().st_size


def published(share: float) -> dict[str, Any]:
    if not examination.TABLE.exists():
        return {"skipped": f"{examination.TABLE} is not there; NASPORTAL_TRUTH_DATA names its folder"}
    rows = examination.table()[:: round(1 / share)]
    return {"codes": len(rows), "wrong": len(examination.wrong_counts(rows)), **told_apart(rows)}


def told_apart(rows: list[dict[str, str]]) -> dict[str, int]:
    """Networks that are one to us, beside the table's own groups of codes that are one topology."""
    space = spaces.create("cell201", (3, 32, 32), 10, cells=1)
    ours: dict[str, set[str]] = {}
    theirs: dict[str, set[str]] = {}
    literal = set()
    for row in rows:
        genotype = tuple(map(int, row["code"]))
        literal.add(fingerprint(space.decode(genotype, prune=False)))
        mark = fingerprint(space.decode(genotype))
        ours.setdefault(mark, set()).add(row["iso_rep"])
        theirs.setdefault(row["iso_rep"], set()).add(mark)
    return {
        "fingerprints": len(ours),
        "fingerprints_of_literal_cells": len(literal),
        "groups_of_the_table": len(theirs),
        "fingerprints_that_join_groups": sum(len(groups) > 1 for groups in ours.values()),
        "groups_that_hold_several_fingerprints": sum(len(marks) > 1 for marks in theirs.values()),
    }


def against_torch(share: float) -> dict[str, Any]:
    return {examination.title(space): _examined(space, share) for space in examination.cases()}


def _examined(space: Space, share: float) -> dict[str, Any]:
    counted, ran = examination.count(space, share), examination.run(space, share)
    inference, training = examination.memory(space, share)
    return {
        "counted_as_torch_counts": counted,
        "ran_forward_and_backward": ran,
        "inference_memory": _spread(inference),
        "training_memory": _spread(training),
    }


def _spread(ratios: list[float]) -> dict[str, float]:
    """Counted over seen."""
    return {
        "least": round(min(ratios), 3),
        "median": round(statistics.median(ratios), 3),
        "most": round(max(ratios), 3),
        "share_within_5_percent": round(sum(0.95 <= ratio <= 1.05 for ratio in ratios) / len(ratios), 3),
    }
