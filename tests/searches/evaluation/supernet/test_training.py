"""A supernet's training: halves, alphas, the second order, costs, guards, and a state that goes on to the same bits."""

import hashlib
import json
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from architectures import spaces
from architectures.nets.supernet_graph import supergraph
from searches.evaluation.job import StepJob
from searches.evaluation.steps import names, performed
from searches.evaluation.supernet.alphas import Alphas
from searches.evaluation.supernet.collapse import dominant_eigenvalue, sharper, too_many_skips
from searches.evaluation.supernet.costs import expected_given, measure_of
from searches.evaluation.supernet.options import SupernetOptions
from searches.evaluation.supernet.training import SupernetTraining
from searches.evaluation.supernet.unrolled import gradient, move, reset, unrolled
from searches.evaluation.training.recipe import Recipe
from searches.evaluation.training.tensors import Tensors
from tests.searches.evaluation.worlds import images

CELL = spaces.create("cell201", (1, 8, 8), 3, channels=4)
CHAIN = spaces.create("chain", (1, 8, 8), 3, widths=[16, 32], max_layers=4)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def data(count: int = 64) -> Tensors:
    x, y = images(count)
    mean, std = torch.full((1, 1, 1), 0.35), torch.full((1, 1, 1), 0.2)
    return Tensors(torch.from_numpy(x[:, None]), torch.from_numpy(y), 255.0, mean, std)


def training(space: spaces.Space = CELL, state: bytes | None = None, seed: int = 5, **options: Any) -> SupernetTraining:
    settings = {"epochs": 3, "warmup": 0.3, "cost_weights": "0,1", **options}
    return SupernetTraining(space, SupernetOptions(**settings), data(), 16, seed, state)


def test_weights_and_alphas_learn_on_separate_halves() -> None:
    trainer = training()
    first, second = (set(half.tolist()) for half in trainer.halves)
    assert not first & second
    assert sorted(first | second) == list(range(64))


@pytest.mark.parametrize("space", [CELL, CHAIN], ids=["cell201", "chain"])
@pytest.mark.parametrize(("variant", "order"), [("gdas", 1), ("gdas", 2), ("darts", 1), ("darts", 2), ("pc_darts", 1)])
def test_every_variant_learns_weights_first_and_then_alphas(space: spaces.Space, variant: str, order: int) -> None:
    trainer = training(space, variant=variant, order=order)
    alphas = [each.values.detach().clone() for each in trainer.sets]
    weights = [each.detach().clone() for each in trainer.net.parameters()]
    first = trainer.run()
    assert all(torch.equal(before, each.values) for before, each in zip(alphas, trainer.sets, strict=True))
    assert any(not torch.equal(before, each) for before, each in zip(weights, trainer.net.parameters(), strict=True))
    second = trainer.run()
    assert not any(torch.equal(before, each.values) for before, each in zip(alphas, trainer.sets, strict=True))
    assert (first["epoch"], second["epoch"]) == (1.0, 2.0)
    assert 0 < max(first["loss"], second["loss"]) < 3


@pytest.mark.slow
@pytest.mark.parametrize(("space", "variant"), [(CELL, "gdas"), (CHAIN, "gdas"), (CELL, "darts")])
def test_it_goes_on_from_its_state_to_the_same_bits(space: spaces.Space, variant: str) -> None:
    whole = training(space, variant=variant, eigenvalue_growth=9.0)
    reports = [whole.run() for _ in range(4)]
    state, again = None, []
    for number in range(4):
        part = training(space, state, seed=5 + number, variant=variant, eigenvalue_growth=9.0)
        again.append(part.run())
        state = part.state()
    assert again == reports
    assert state == whole.state()
    assert reports[2]["is_done"]
    assert reports[3]["batches"] == 0
    assert reports[3]["sets"] == reports[2]["sets"]


def test_a_report_is_small_and_says_what_a_page_needs() -> None:
    space = spaces.create("chain", (3, 32, 32), 10, max_layers=20)
    trainer = SupernetTraining(space, SupernetOptions(cost_weights="0,1,2,3,4"), data(), 16, 1)
    trainer.accuracy = lambda: 0.5  # type: ignore[method-assign]  # images of another shape
    report = trainer.report(None, 0)
    assert len(json.dumps(report)) < 40_000
    assert next(iter(report["alphas"])) == "stage1.layer1.operation"
    assert report["operations"][-1] == "skip_connect"
    assert all(abs(sum(row) - 1) < 1e-3 for row in report["alphas"].values())


def test_the_second_order_is_the_gradient_one_step_ahead() -> None:
    """Against finite differences of the loss after the step; with smooth activations, or there would be none."""
    trainer = training(order=2, variant="darts", skip_dropout=0.0)
    smooth = [nn.Softplus() if isinstance(layer, nn.ReLU) else layer for layer in trainer.net._layers]
    trainer.net._layers = smooth
    trainer.net.double()
    alphas, parameters = trainer.sets[0], list(trainer.net.parameters())
    batches = [trainer._batch(half, 0, 0, torch.Generator(), is_augmented=False) for half in trainer.halves]
    first, second = ((images.double(), targets) for images, targets in batches)

    def after_a_step(values: Tensor) -> float:
        rows = list((values + alphas.outside).softmax(1))
        slopes = torch.autograd.grad(trainer._loss(first, rows), parameters, allow_unused=True)
        held = [each.detach().clone() for each in parameters]
        move(parameters, slopes, -trainer.rate)
        found = trainer._loss(second, rows).detach()
        reset(parameters, held)
        return float(found)

    rows = [row.double() for row in alphas.probabilities()]
    losses = (lambda: trainer._loss(first, rows)), (lambda: trainer._loss(second, rows))
    ahead = unrolled(*losses, alphas.values, parameters, trainer.rate)
    plain = gradient(losses[1], alphas.values)
    here = alphas.values.detach().double()
    for place in ((0, 0), (1, 2), (3, 3), (5, 4)):
        step = torch.zeros_like(here)
        step[place] = 0.01
        numeric = (after_a_step(here + step) - after_a_step(here - step)) / 0.02
        assert float(ahead[place]) == pytest.approx(numeric, abs=1e-4)
        assert abs(float(plain[place]) - numeric) > 1e-3


def test_a_cost_that_matters_makes_cheap_networks_likely() -> None:
    free, cheap = (training(epochs=5, cost_weights=weight) for weight in ("0", "20"))
    sets = [[trainer.run() for _ in range(5)][-1]["sets"][0] for trainer in (free, cheap)]
    assert sets[1]["cost"] <= sets[0]["cost"]  # of the most likely network: the cheapest in both after so few epochs
    dear = [sum(row[3] for row in each["alphas"]) for each in sets]  # conv3x3 on all edges
    assert dear[1] < 0.8 * dear[0]


@pytest.mark.parametrize("name", ["flops", "params", "memory", "latency"])
def test_the_cost_of_a_choice_is_the_mean_of_networks_that_have_it(name: str) -> None:
    description = supergraph(CELL)
    certain = [[float(choice == 1) for choice in range(5)] for _ in range(6)]  # skip_connect everywhere
    table = expected_given(description, certain, measure_of(name, CELL, "raspberry_pi_4"), Random(1))
    measure = measure_of(name, CELL, "raspberry_pi_4")
    assert table[0][3] == pytest.approx(measure(description.genotype((3, 1, 1, 1, 1, 1))))
    assert len({round(row[1], 9) for row in table}) == 1


def test_skip_connections_are_dropped_as_often_as_asked() -> None:
    generator = torch.Generator().manual_seed(1)
    alphas = Alphas(supergraph(CELL), generator)
    drawn = [choice for _ in range(200) for choice in alphas.path(0.9, generator).chosen]
    assert drawn.count(1) / len(drawn) < 0.05
    mixed = [alphas.mixture(1.0, 0.5, generator)[0][1] for _ in range(400)]
    assert 0.15 < float(sum(mixed)) / 400 < 0.25  # the same on average: what is left is scaled up


def test_several_epochs_of_skips_stop_it() -> None:
    trainer = training(epochs=10, warmup=0.0, max_skip_share=0.5, alpha_rate=0.001)
    with torch.no_grad():
        trainer.sets[0].values[:, 1] += 5  # nothing but skip connections
    reports = []
    while not trainer.is_done:
        reports.append(trainer.run())
    assert len(reports) == 4
    assert reports[0]["warning"] == "collapse: 100% of the operations of the most likely network are skip connections"
    assert reports[3]["stopped"] == "4 epochs with 100% or more of skip connections"
    assert reports[3]["warning"] == f"stopped: {reports[3]['stopped']}"
    assert training(epochs=10, state=trainer.state()).is_done


def test_a_hessian_that_sharpens_stops_it_and_it_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = training(epochs=12, warmup=0.0, eigenvalue_growth=1.3)
    values = iter([1.0, 1.0, 1.0, 1.0, 1.1, 1.2, 1.4, 1.5, 1.6])
    monkeypatch.setattr(trainer, "_eigenvalue", lambda: next(values))
    after = []
    while not trainer.is_done:
        trainer.run()
        after.append(trainer.sets[0].values.detach().clone())
    assert trainer.progress.stopped == (
        "the dominant eigenvalue of the alphas' Hessian grew from 1 to 1.37; the alphas of 4 epochs before are used"
    )
    assert len(after) == 8
    assert torch.equal(after[7], after[3])


def test_guards_that_are_off_stop_nothing() -> None:
    assert sharper([1.0, 1.0, 1.0, 9.0, 9.0, 9.0], 0.0, 3) == ""
    assert sharper([1.0, 1.0, 9.0, 9.0, 9.0], 1.3, 3) == ""
    assert too_many_skips([0.6, 0.6, 0.4], 0.5, 3) == too_many_skips([1.0] * 3, 1.0, 3) == ""


def test_the_dominant_eigenvalue_is_that_of_the_hessian() -> None:
    hessian = torch.diag(torch.tensor([0.5, 4.0, -1.0, 0.0]))
    outside = torch.tensor([False, False, False, True])
    found = dominant_eigenvalue(
        lambda values: hessian @ values, torch.ones(4), outside, torch.Generator().manual_seed(1)
    )
    assert found == pytest.approx(4.0, rel=0.05)


def test_a_step_answers_with_its_state_and_reads_the_training_split_alone(tmp_path: Path) -> None:
    assert "darts" in names()
    space = {"name": "cell201", "options": {"channels": 4}}
    options = {"epochs": 1, "cost_weights": "0", "target": "raspberry_pi_4", "cost": "latency"}
    seen = []
    document: Any = None
    for number in range(2):
        state = document["files"]["state"] if document else None
        job = StepJob.from_document(
            {
                "kind": "step",
                "number": number,
                "step": "darts",
                "options": options,
                "state": state,
                "dataset": "digits",
                "training": Recipe().to_document(),
                "seed": 3 + number,
                "folder": str(tmp_path),
                "space": space,
            }
        )
        document = performed(job, seen.append)
        assert (document["status"], document["reason"]) == ("done", "")
        content = (tmp_path / document["files"]["state"]["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == document["files"]["state"]["sha256"]
    assert document["report"]["is_done"]
    assert document["cost"] == 0
    assert len(seen) == 16
    assert seen[-1].epochs == 1


def test_one_path_costs_a_fraction_of_all_operations() -> None:
    """CPU time of whole batches; `make bench BENCH=darts` measures it in earnest, against a quarter."""
    space = spaces.create("chain", (1, 8, 8), 3, widths=[32], max_layers=4)
    seconds = {}
    for variant in ("gdas", "darts"):
        trainer = training(space, variant=variant, warmup=0.0)
        trainer.batch()
        started = time.process_time()
        for _ in range(3):
            trainer.progress.position += 1
            trainer.batch()
        seconds[variant] = time.process_time() - started
    assert seconds["gdas"] < 0.6 * seconds["darts"]
