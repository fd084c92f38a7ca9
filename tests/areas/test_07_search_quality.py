"""Area 7: on a landscape whose optimum is known, what is guided must find more than what is drawn at random."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import mean

from searches.engine.events import SearchFinished
from searches.engine.executors.executor import Job, JobFinished
from searches.engine.search import search
from searches.spec import SearchSpec
from tests.support.formula import FormulaExecutor

SEEDS = range(6)


class Landscape(FormulaExecutor):
    """More depthwise convolutions with fewer pools are better, and every node costs."""

    def finished(self, job: Job) -> JobFinished:
        finished = super().finished(job)
        if finished.kind == "test":
            return finished
        return replace(finished, values={"accuracy": worth(job["graph"]), "params": float(len(job["graph"]["nodes"]))})


def worth(graph: Mapping[str, object]) -> float:
    text = str(graph["nodes"])
    good, bad = text.count(".depthwise"), text.count("Pool") + text.count("'dilation': 2")
    return 0.5 + 0.03 * good - 0.02 * bad


def volume(folder: Path, algorithm: str, seed: int) -> float:
    spec = SearchSpec.from_document(
        {"algorithm": algorithm, "evaluations": 120, "seed": seed, "objectives": ["accuracy", "params"]}
    )
    *_, last = search(spec, executor=Landscape(), folder=folder)
    assert isinstance(last, SearchFinished)
    return last.hypervolume


def test_nsga2_finds_more_than_random_search_does(tmp_path: Path) -> None:
    guided = mean(volume(tmp_path, "nsga2", seed) for seed in SEEDS)
    blind = mean(volume(tmp_path, "random_search", seed) for seed in SEEDS)
    assert guided > 1.02 * blind
