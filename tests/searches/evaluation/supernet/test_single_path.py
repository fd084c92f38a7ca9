"""The single-path supernet: it learns, it judges by inherited weights, and it goes on to the same bits."""

import hashlib
from pathlib import Path
from random import Random

import pytest
import safetensors.torch
import torch

from architectures import spaces
from architectures.ir.complexity import complexity
from architectures.ir.json import to_document
from searches.evaluation.evaluator import perform, split_of
from searches.evaluation.job import Job, StepJob
from searches.evaluation.steps import performed
from searches.evaluation.supernet.single_path import SinglePathSupernet, judged, shared_weights
from searches.evaluation.training.recipe import Recipe
from tests.searches.evaluation.supernet.test_training import data

SPACE = spaces.create("chain", (1, 8, 8), 3, max_layers=4, widths=[16])


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_it_learns_and_judges_above_chance() -> None:
    supernet = SinglePathSupernet(SPACE, data(), Recipe(epochs=12, batch_size=16), seed=1)
    first, cost = supernet.run()
    assert supernet.is_done
    assert first is not None
    assert cost > 0
    judged = [supernet.accuracy(SPACE.sample(Random(number)), data()) for number in range(6)]
    assert max(judged) > 0.5
    assert supernet.run() == (None, 0)


def test_it_goes_on_from_its_state_to_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = SinglePathSupernet(SPACE, data(), Recipe(epochs=3, batch_size=16), seed=1)
    whole.run()
    monkeypatch.setattr("searches.evaluation.supernet.single_path.STEP_COST", 10**7)
    state, shares = None, 0
    while True:
        part = SinglePathSupernet(SPACE, data(), Recipe(epochs=3, batch_size=16), 1 + shares, state)
        part.run()
        state, shares = part.state(), shares + 1
        if part.is_done:
            break
    assert shares > 2
    assert state == whole.state()


@pytest.mark.slow
def test_an_evaluator_judges_a_network_by_what_the_steps_of_the_supernet_left(tmp_path: Path) -> None:
    options = {"max_depth": 1, "stages": 2}
    space = spaces.create("mobile", (1, 8, 8), 10, **options)
    document = {
        "number": 0,
        "step": "single_path",
        "options": {"epochs": 1, "limits": {"max_params": 10**6}},
        "state": None,
        "dataset": "digits",
        "training": Recipe().to_document(),
        "seed": 3,
        "folder": str(tmp_path),
        "space": {"name": "mobile", "options": options},
    }
    step = performed(StepJob.from_document(document), lambda moment: None)
    assert (step["status"], step["reason"], step["report"]["is_done"]) == ("done", "", True)
    state = step["files"]["state"]
    supernet = SinglePathSupernet(space, split_of("digits", "train"), Recipe(epochs=1), 3)
    supernet.run()
    for number in range(3):
        genotype = space.sample(Random(number))
        graph = to_document(space.decode(genotype))
        job = {"kind": "supernet", "number": number, "fidelity": 0, "graph": graph, "dataset": "digits"}
        result = perform(Job.from_document(job | {"folder": str(tmp_path), "weights": state}), lambda moment: None)
        assert (result.status, result.inputs) == ("done", {state["path"]: state["sha256"]})
        assert result.values["supernet"] == supernet.accuracy(genotype, split_of("digits", "validation"))
        assert result.values["params"] == complexity(space.decode(genotype)).params
        assert "accuracy" not in result.values
        assert 0 < result.cost < step["cost"]


def test_what_a_supernet_lacks_for_a_network_does_not_depend_on_who_was_judged_before(tmp_path: Path) -> None:
    supernet = SinglePathSupernet(SPACE, data(), Recipe(epochs=1, batch_size=16), seed=1)
    state = supernet.state()  # nothing is trained: every weight is lacking
    (tmp_path / "state").write_bytes(state)
    sha256 = hashlib.sha256(state).hexdigest()
    graphs = [SPACE.decode(SPACE.sample(Random(number))) for number in range(4)]

    def accuracies(order: list[int]) -> list[float]:
        found = {
            index: judged(shared_weights(tmp_path / "state", sha256), graphs[index], data(), data()) for index in order
        }
        return [found[index] for index in range(4)]

    assert accuracies([0, 1, 2, 3]) == accuracies([3, 2, 1, 0])


def test_once_it_is_trained_its_state_holds_no_momentum() -> None:
    supernet = SinglePathSupernet(SPACE, data(), Recipe(epochs=1, batch_size=16), seed=1)
    supernet.run()
    names = set(safetensors.torch.load(supernet.state()))
    assert not any(name.startswith("momentum.") for name in names)
    assert {f"weights.{name}" for name in supernet.shared.tensors} == names - {"document"}
