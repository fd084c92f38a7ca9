"""Area 8: memory is counted before it is used, what does not fit is refused, and the web process stays small."""

import gc
import subprocess
import sys
import tracemalloc
from pathlib import Path
from random import Random

import pytest

from architectures import spaces
from architectures.ir.complexity import complexity
from searches.engine import problem
from searches.engine.search import search
from searches.spec import SearchSpec
from tests.support.formula import FormulaExecutor

ROOT = Path(__file__).resolve().parents[2]


def test_the_web_process_starts_without_torch() -> None:
    code = "import nasportal.asgi, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_training_takes_more_memory_than_inference_and_both_are_counted() -> None:
    space = spaces.create("chain", (3, 32, 32), 10)
    for seed in range(10):
        counted = complexity(space.decode(space.sample(Random(seed))))
        assert 0 < counted.activation_peak_bytes <= counted.training_peak_bytes


def kept() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def slope(folder: Path) -> float:
    """Bytes that an evaluation costs for good, between the 100th and the 500th."""
    spec = SearchSpec.from_document({"evaluations": 500, "objectives": ["accuracy", "params"]})
    problem.REMEMBERED = 64  # of the networks at hand, else 4,096
    tracemalloc.start()
    events = search(spec, executor=FormulaExecutor(), folder=folder)
    at: dict[int, int] = {}
    for number, _ in enumerate((event for event in events if event.kind == "EvaluationFinished"), start=1):
        if number in (100, 500):
            at[number] = kept()
    return (at[500] - at[100]) / 400


@pytest.mark.slow
def test_the_engine_does_not_keep_what_it_has_reported(tmp_path: Path) -> None:
    """In a process of its own: what other tests have put into the caches of graphs decides when their tables grow."""
    code = "import pathlib, sys; from tests.areas.test_08_memory import slope; print(slope(pathlib.Path(sys.argv[1])))"
    arguments = [sys.executable, "-c", code, str(tmp_path)]
    ran = subprocess.run(arguments, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    assert 0 < float(ran.stdout) < 5_000  # 3,500; were the events kept, too, 5,600
