"""A whole DARTS search, its supernet really trained: one history, wherever it stopped and whoever worked."""

from pathlib import Path
from typing import Any

import pytest
import torch

from searches.engine import events
from searches.engine.history import line
from searches.engine.search import search
from searches.spec import SearchSpec
from tests.searches.engine.shuffled import ShuffledExecutor

SPEC = {
    "dataset": "digits",
    "space": "cell201",
    "space_options": {"channels": 4},
    "algorithm": "darts",
    "algorithm_options": {"epochs": 2, "warmup": 0.0, "cost_weights": "0,1"},
    "evaluations": 4,
    "lag": 2,
    "objectives": ["accuracy", "params"],
}


def run(folder: Path, workers: int = 1, history: Any = ()) -> list[Any]:
    torch.set_num_threads(1)
    spec = SearchSpec.from_document(SPEC)
    return list(search(spec, history=history, executor=ShuffledExecutor(workers, 1), folder=folder))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(folder)


def lines(reports: list[Any]) -> list[dict[str, Any]]:
    return [line(each) for each in reports if isinstance(each, events.EvaluationFinished | events.StepFinished)]


def test_it_trains_its_supernet_and_then_its_networks(whole: tuple[Path, list[Any]]) -> None:
    _, reports = whole
    steps = [each for each in reports if isinstance(each, events.StepFinished)]
    assert [each.report["epoch"] for each in steps] == [1.0, 2.0, 2.0, 2.0]  # the lag's last two wait
    assert [each.cost > 0 for each in steps] == [True, True, False, False]
    assert [each.number for each in reports if isinstance(each, events.EvaluationFinished)] == [4, 5, 6, 7]
    insights = [each.insight for each in reports if isinstance(each, events.GenerationFinished)]
    assert insights[-1]["epoch"] == 2.0
    assert reports[-1].reason == "all 4 evaluations are done"


@pytest.mark.parametrize(("kept", "workers"), [(1, 2), (3, 1), (6, 4)])
def test_it_goes_on_to_the_same_history(whole: tuple[Path, list[Any]], kept: int, workers: int) -> None:
    folder, reports = whole
    again = run(folder, workers, lines(reports)[:kept])
    assert again[-1].history_sha256 == reports[-1].history_sha256


def test_a_lost_state_is_trained_again_to_the_same_bits(whole: tuple[Path, list[Any]], tmp_path: Path) -> None:
    folder, reports = whole
    again = run(tmp_path, 2, lines(reports)[:2])
    assert again[-1].history_sha256 == reports[-1].history_sha256
    names = sorted(path.name for path in (folder / "states").iterdir())
    assert names == [f"darts-{number}.safetensors" for number in range(4)]
    for name in names:
        assert (tmp_path / "states" / name).read_bytes() == (folder / "states" / name).read_bytes()
