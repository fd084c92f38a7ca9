"""Area 2: every algorithm proposes what its seed says, and nothing else."""

from pathlib import Path
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

from architectures import spaces
from architectures.nets.supernet_graph import supergraph
from searches import algorithms
from searches.algorithms.controller import Controller
from searches.algorithms.darts import Ranking
from searches.engine.events import CandidateProposed, GenerationFinished
from searches.engine.search import search
from searches.spec import SearchSpec
from tests.support.formula import FormulaExecutor

# DARTS is the only one that trains here; the ensemble holds it too, and would train it as a whole.
NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if name in ("darts", "predictor") else name
    for name in algorithms.names()
]
SHORT = {"darts": {"epochs": 1}, "portfolio": {"members": "nsga2,predictor,reinforce"}}


def proposals(folder: Path, algorithm: str, seed: int) -> list[tuple[int, ...]]:
    chosen = {"algorithm": algorithm, "algorithm_options": SHORT.get(algorithm, {})}
    spec = SearchSpec.from_document({**chosen, "evaluations": 16, "seed": seed, "objectives": ["accuracy", "params"]})
    events = search(spec, executor=FormulaExecutor(), folder=folder)
    return [tuple(event.genotype) for event in events if isinstance(event, CandidateProposed)]


@pytest.mark.parametrize("name", NAMES)
def test_equal_seeds_give_equal_proposals_and_another_seed_gives_others(tmp_path: Path, name: str) -> None:
    first = proposals(tmp_path / "a", name, seed=1)
    assert first == proposals(tmp_path / "b", name, seed=1)
    assert first != proposals(tmp_path / "c", name, seed=2)


@pytest.mark.parametrize("name", NAMES)
def test_the_hypervolume_of_a_search_never_falls(tmp_path: Path, name: str) -> None:
    chosen = {"algorithm": name, "algorithm_options": SHORT.get(name, {})}
    spec = SearchSpec.from_document({**chosen, "evaluations": 40, "objectives": ["accuracy", "params"]})
    events = search(spec, executor=FormulaExecutor(), folder=tmp_path)
    volumes = [event.hypervolume for event in events if isinstance(event, GenerationFinished)]
    assert volumes
    assert volumes == sorted(volumes)


CHOICES = (3, 2, 4)
WRITTEN = np.array([[2, 1, 0], [0, 0, 3]])  # (genotypes, decisions)
MATTERS = np.ones_like(WRITTEN, dtype=bool)


def controller() -> Controller:
    return Controller(CHOICES, hidden=6, rate=0.02, clip=10.0, seed=4)


def test_the_controller_learns_to_write_what_was_rewarded_and_not_what_was_not() -> None:
    learner = controller()
    before = learner.judge(WRITTEN, MATTERS)[0]
    for _ in range(60):
        learner.learn(WRITTEN, MATTERS, np.array([1.0, -1.0]), 0.0)
    after = learner.judge(WRITTEN, MATTERS)[0]
    assert after[0] > before[0] + 0.5
    assert after[1] < before[1] - 0.5


def test_the_controllers_gradient_is_the_numeric_one() -> None:
    learner, advantages, bonus = controller(), np.array([0.7, -1.3]), 0.2

    def loss() -> float:
        logs, entropy, _ = learner.judge(WRITTEN, MATTERS)
        return float(-(advantages * logs + bonus * entropy).mean())

    gradients = learner.backward(WRITTEN, MATTERS, advantages, bonus, learner.judge(WRITTEN, MATTERS)[2])
    for name, values in learner.parameters.items():
        index = np.unravel_index(int(np.abs(gradients[name]).argmax()), values.shape)
        kept, step = values[index], 1e-5
        values[index] = kept + step
        above = loss()
        values[index] = kept - step
        numeric = (above - loss()) / (2 * step)
        values[index] = kept
        assert gradients[name][index] == pytest.approx(numeric, rel=1e-4, abs=1e-9), name


def test_rewards_that_are_all_equal_teach_the_controller_nothing(tmp_path: Path) -> None:
    """A baseline is what makes a reward good or bad: without one, whatever was drawn is reinforced."""
    reinforce = algorithms.get("reinforce")(entropy=0.0, imitate=0.0)
    updated: list[np.ndarray] = []

    class Recording(Controller):
        def learn(self, genotypes, relevant, advantages, bonus):  # type: ignore[no-untyped-def]
            updated.append(advantages)
            return super().learn(genotypes, relevant, advantages, bonus)

    learner = Recording(CHOICES, hidden=6, rate=0.02, clip=1.0, seed=4)
    space = SimpleNamespace(relevant=lambda genotype: [True] * len(CHOICES))
    history = SimpleNamespace(problem=SimpleNamespace(space=space))
    batch = [SimpleNamespace(number=n, genotype=tuple(row), losses=(-0.9,)) for n, row in enumerate(WRITTEN.tolist())]
    for _ in range(3):
        reinforce.update(learner, batch, history)
    assert np.allclose(updated, 0.0)


def test_darts_derives_the_choices_that_its_alphas_favour() -> None:
    description = supergraph(spaces.create("cell201", (3, 32, 32), 10))
    random = Random(2)
    alphas = []
    for decision in description.decisions:
        row = [random.random() for _ in decision.choices]
        alphas.append([value / sum(row) for value in row])
    first = next(iter(Ranking(description, alphas, 1.0)))
    for decision, row in zip(description.decisions, alphas, strict=True):
        derivable = [choice for choice, label in zip(decision.choices, decision.labels, strict=True) if label != "none"]
        likely = {choice: value for choice, value in zip(decision.choices, row, strict=True) if choice in derivable}
        assert first[decision.index] == max(likely, key=lambda choice: likely[choice])
