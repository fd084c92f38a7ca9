"""The printed network is the one that was searched: shapes, parameters, weights and logits."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from certificate import golden
from data import CONFIG, INPUT_SHAPE
from model import CLASSES, WEIGHTS, Model, load
from passes import checkpoint_activations, fused, groups

ROOT = Path(__file__).parents[1]


@pytest.fixture
def images() -> torch.Tensor:
    return torch.from_numpy(golden()[0])


def test_it_gives_one_logit_a_class_for_any_batch_size() -> None:
    for batch in (1, 3):
        assert load()(torch.zeros(batch, *INPUT_SHAPE)).shape == (batch, CLASSES)


def test_it_has_the_counted_parameters() -> None:
    assert sum(parameter.numel() for parameter in Model().parameters()) == CONFIG["params"]


def test_the_weights_are_exactly_those_of_the_model() -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in Model().state_dict().items()}
    assert {name: tuple(tensor.shape) for name, tensor in load_file(WEIGHTS).items()} == shapes


def test_the_module_names_are_the_nodes_of_the_architecture() -> None:
    nodes = json.loads((ROOT / "architecture.json").read_text(encoding="utf-8"))["nodes"]
    stateful = {node["name"] for node in nodes if node["kind"] in ("Conv2d", "BatchNorm", "Linear")}
    assert {name.rpartition(".")[0] for name in Model().state_dict()} == stateful


def test_its_logits_are_those_of_the_searched_network(images: torch.Tensor) -> None:
    with torch.inference_mode():
        logits = load()(images).numpy()
    np.testing.assert_allclose(logits, golden()[1], atol=1e-6 * max(1.0, float(np.abs(golden()[1]).max())), rtol=0)


def test_fusing_batch_norms_changes_nothing(images: torch.Tensor) -> None:
    with torch.inference_mode():
        difference = (fused(load())(images) - load()(images)).abs().max()
    assert float(difference) <= 1e-4 * max(1.0, float(np.abs(golden()[1]).max()))


def test_every_batch_norm_is_fused_or_says_why_not() -> None:
    norms = [module for module in Model().modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(list(groups())) == len(norms)


def test_checkpointing_activations_leaves_loss_and_gradients_as_they_are(images: torch.Tensor) -> None:
    gradients = []
    for wanted in (False, True):
        model = load().train()
        if wanted:
            checkpoint_activations(model)
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        model(images).logsumexp(1).mean().backward()
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]))
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-4, rtol=1e-3)
