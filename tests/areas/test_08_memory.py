"""Area 8: memory is counted before it is used, what does not fit is refused, and the web process stays small."""

import subprocess
import sys
import tracemalloc
from pathlib import Path
from random import Random

from architectures import spaces
from architectures.ir.complexity import complexity
from searches.engine.search import search
from searches.spec import SearchSpec
from tests.formula import FormulaExecutor

ROOT = Path(__file__).resolve().parents[2]


def test_the_web_process_starts_without_torch() -> None:
    code = "import nasportal.asgi, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_training_takes_more_memory_than_inference_and_both_are_counted() -> None:
    space = spaces.create("chain", (3, 32, 32), 10)
    for seed in range(10):
        counted = complexity(space.decode(space.sample(Random(seed))))
        assert 0 < counted.activation_peak_bytes <= counted.training_peak_bytes


def test_the_engine_does_not_keep_what_it_has_reported(tmp_path: Path) -> None:
    """The slope between the 100th and the 500th evaluation: what each costs for good."""
    spec = SearchSpec.from_document({"evaluations": 500, "objectives": ["accuracy", "params"]})
    tracemalloc.start()
    try:
        before = done = 0
        for event in search(spec, executor=FormulaExecutor(), folder=tmp_path):
            done += event.kind == "EvaluationFinished"
            if done == 100 and not before:
                before = tracemalloc.get_traced_memory()[0]
        slope = (tracemalloc.get_traced_memory()[0] - before) / 400
    finally:
        tracemalloc.stop()
    assert slope < 20_000  # bytes an evaluation
