"""The single-path supernet: it learns, it judges by inherited weights, and it goes on to the same bits."""

from pathlib import Path
from random import Random

import pytest
import torch

from architectures import spaces
from searches.evaluation.job import StepJob
from searches.evaluation.recipe import Recipe
from searches.evaluation.steps import performed
from searches.evaluation.supernet_single_path import SinglePathSupernet, tau
from tests.searches.evaluation.test_supernet_training import data

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
    monkeypatch.setattr("searches.evaluation.supernet_single_path.STEP_COST", 10**7)
    state, shares = None, 0
    while True:
        part = SinglePathSupernet(SPACE, data(), Recipe(epochs=3, batch_size=16), 1 + shares, state)
        part.run()
        state, shares = part.state(), shares + 1
        if part.is_done:
            break
    assert shares > 2
    assert state == whole.state()


def test_a_step_tells_what_networks_inherit_and_how_well_that_ranks_them(tmp_path: Path) -> None:
    space = spaces.create("mobile", (1, 8, 8), 10, max_depth=1, stages=2)
    networks = [space.sample(Random(number)) for number in range(4)]
    document = {
        "number": 0,
        "step": "single_path",
        "options": {"epochs": 1, "judge": [list(each) for each in networks], "known": [0.4, 0.3, 0.2, 0.1]},
        "state": None,
        "dataset": "digits",
        "training": Recipe().to_document(),
        "seed": 3,
        "folder": str(tmp_path),
        "space": {"name": "mobile", "options": {"max_depth": 1, "stages": 2}},
    }
    answer = performed(StepJob.from_document(document), lambda moment: None)
    assert (answer["status"], answer["reason"]) == ("done", "")
    report = answer["report"]
    assert report["is_done"]
    assert [row["genotype"] for row in report["judged"]] == [list(each) for each in networks]
    expected = tau([row["accuracy"] for row in report["judged"]], [0.4, 0.3, 0.2, 0.1])
    assert report["tau"] == pytest.approx(expected, abs=1e-4)


def test_tau_is_kendalls() -> None:
    assert tau([1, 2, 3], [4, 5, 6]) == pytest.approx(1.0)
    assert tau([1, 2, 3], [6, 5, 4]) == pytest.approx(-1.0)
    assert tau([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(5 / 30**0.5)
    assert tau([1, 1], [1, 2]) is None
