"""Area 2: every algorithm proposes what its seed says, and nothing else."""

from pathlib import Path

import pytest

from searches import algorithms
from searches.engine.events import CandidateProposed, GenerationFinished
from searches.engine.search import search
from searches.spec import SearchSpec
from tests.support.formula import FormulaExecutor

# DARTS is the only one that trains here; the ensemble holds it too, and would train it as a whole.
SHORT = {"darts": {"epochs": 1}, "portfolio": {"members": "nsga2,predictor,reinforce"}}


def proposals(folder: Path, algorithm: str, seed: int) -> list[tuple[int, ...]]:
    chosen = {"algorithm": algorithm, "algorithm_options": SHORT.get(algorithm, {})}
    spec = SearchSpec.from_document({**chosen, "evaluations": 16, "seed": seed, "objectives": ["accuracy", "params"]})
    events = search(spec, executor=FormulaExecutor(), folder=folder)
    return [tuple(event.genotype) for event in events if isinstance(event, CandidateProposed)]


@pytest.mark.parametrize("name", algorithms.names())
def test_equal_seeds_give_equal_proposals_and_another_seed_gives_others(tmp_path: Path, name: str) -> None:
    first = proposals(tmp_path / "a", name, seed=1)
    assert first == proposals(tmp_path / "b", name, seed=1)
    assert first != proposals(tmp_path / "c", name, seed=2)


@pytest.mark.parametrize("name", algorithms.names())
def test_the_hypervolume_of_a_search_never_falls(tmp_path: Path, name: str) -> None:
    chosen = {"algorithm": name, "algorithm_options": SHORT.get(name, {})}
    spec = SearchSpec.from_document({**chosen, "evaluations": 40, "objectives": ["accuracy", "params"]})
    events = search(spec, executor=FormulaExecutor(), folder=tmp_path)
    volumes = [event.hypervolume for event in events if isinstance(event, GenerationFinished)]
    assert volumes
    assert volumes == sorted(volumes)
