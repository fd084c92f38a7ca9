"""`python -m bench [NAME …]`: runs benchmarks and keeps their results in bench-results/.

A missing extra is named before anything runs; stderr says about how long each benchmark takes and how far it is.
"""

import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

# One thread, before torch is imported: two are many times slower on a busy machine.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

RESULTS = Path(__file__).parent.parent / "bench-results"
INSTALL = ".venv/bin/pip install -c constraints.txt -e '.[{}]'"
EVERY = 60  # seconds between two lines of progress


def parts_need(*parts: str) -> Callable[[], bool]:
    """True if NASPORTAL_BENCH_PARTS asks for one of these parts, or for nothing in particular."""
    return lambda: not (wanted := os.environ.get("NASPORTAL_BENCH_PARTS")) or bool(set(wanted.split(",")) & set(parts))


def others_wanted() -> bool:
    return os.environ.get("NASPORTAL_BENCH_OTHERS") != "0"


@dataclass(frozen=True)
class Extra:
    """Modules of an optional dependency, and when a benchmark needs them."""

    name: str
    modules: tuple[str, ...]
    is_needed: Callable[[], bool] = lambda: True

    @property
    def missing(self) -> list[str]:
        return [each for each in self.modules if self.is_needed() and find_spec(each) is None]


@dataclass(frozen=True)
class Bench:
    """What a benchmark needs before it starts; `minutes` on two cores of 2026, None if they were not taken down."""

    minutes: int | None = None
    extras: tuple[Extra, ...] = ()


OTHER_SAMPLERS = Extra("bench", ("optuna", "pymoo"), parts_need("costs", "front"))
DASHBOARD = Extra("bench", ("optuna", "optuna_dashboard"), others_wanted)
BENCHES = {
    "algorithms": Bench(35, (OTHER_SAMPLERS,)),
    "architectures": Bench(8),
    "codegen": Bench(),
    "darts": Bench(25),
    "epochs": Bench(),
    "evaluation": Bench(33),
    "extras": Bench(),
    "gpus": Bench(),
    "ladders": Bench(65),
    "loads": Bench(4),
    "portal": Bench(None, (DASHBOARD, Extra("dev", ("playwright",)))),
    "profiling": Bench(),
    "progressive": Bench(9),
    "rays": Bench(None, (Extra("ray", ("ray",)),)),
    "scale": Bench(),
}


def main(wanted: list[str]) -> int:
    if unknown := set(wanted) - set(BENCHES):
        print(f"No benchmark is named {', '.join(sorted(unknown))}; there are: {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    lacking = {name: text for name in wanted or BENCHES if (text := lacks(name))}
    for text in lacking.values():
        print(text, file=sys.stderr)
    if wanted and lacking:
        return 2
    RESULTS.mkdir(exist_ok=True)
    found = {name: run(name) for name in wanted or BENCHES if name not in lacking}
    print(json.dumps(found, indent=2))
    return 0


def lacks(name: str) -> str:
    """A sentence about the extra that this benchmark needs and that is not installed, with the command; else empty."""
    for extra in BENCHES[name].extras:
        if extra.missing:
            return f"{name} needs {' and '.join(extra.missing)}: {INSTALL.format(extra.name)}"
    return ""


def run(name: str) -> dict[str, object]:
    started = time.perf_counter()
    with progress(name, BENCHES[name].minutes):
        module = importlib.import_module(f"bench.{name}")
        found = {**module.run(), "seconds": round(time.perf_counter() - started, 1)}
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return found


@contextmanager
def progress(name: str, minutes: int | None) -> Iterator[None]:
    """Says on stderr that the benchmark runs, once a minute."""
    about = f"about {minutes} minutes on two cores" if minutes else "how long it takes was not taken down"
    print(f"{name}: {about}", file=sys.stderr, flush=True)
    over = threading.Event()
    thread = threading.Thread(target=tick, args=(name, minutes, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def tick(name: str, minutes: int | None, over: threading.Event) -> None:
    """Says once a minute how far it is, until `over`."""
    passed = 0
    while not over.wait(EVERY):
        passed += EVERY // 60
        print(f"{name}: {passed} min" + (f" of about {minutes}" if minutes else ""), file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
