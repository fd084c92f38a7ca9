"""A training that is killed goes on from its last epoch and ends in the same bits."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from architectures.ir.builder import Builder
from architectures.ir.graph import Graph
from architectures.ir.primitives import BatchNorm, Conv2d, Dropout, Flatten, GlobalAvgPool, Linear, Relu
from architectures.nets.module import build
from searches.evaluation import datasets
from searches.evaluation.training.augmentation import AUGMENTATIONS
from searches.evaluation.training.checkpoints import Checkpointer
from searches.evaluation.training.recipe import Recipe
from searches.evaluation.training.tensors import Tensors, tensors
from searches.evaluation.training.trainer import Trained, TrainingProgress, train

EPOCHS = 4


@pytest.fixture(scope="module")
def world() -> tuple[Tensors, Tensors]:
    torch.set_num_threads(1)
    digits = datasets.open("digits")
    return tensors(digits, "train"), tensors(digits, "validation")


def network() -> Graph:
    """With dropout, which draws from another generator than the shuffling."""
    builder = Builder((1, 8, 8))
    x = builder.add("conv", Conv2d(8), "input")
    x = builder.add("norm", BatchNorm(), x)
    x = builder.add("relu", Relu(), x)
    x = builder.add("flatten", Flatten(), builder.add("pool", GlobalAvgPool(), x))
    x = builder.add("dropout", Dropout(0.2), x)
    builder.add("linear", Linear(10), x)
    return builder.build()


class Killed(BaseException):
    """Stands for the end of the process."""


def trained(
    world: tuple[Tensors, Tensors], recipe: Recipe, path: Path | None, kill_in: int = 0, key: str = "a"
) -> tuple[dict[str, torch.Tensor], Trained]:
    def watch(progress: TrainingProgress) -> None:
        if progress.epoch == kill_in:
            raise Killed

    module = build(network(), 3)
    checkpointer = Checkpointer(path, key, every_seconds=0) if path else None
    result = train(module, *world, recipe, 3, augment=AUGMENTATIONS["shift"], watch=watch, checkpointer=checkpointer)
    return module.state_dict(), result


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(epochs=EPOCHS),
        Recipe(epochs=EPOCHS, optimizer="adamw", learning_rate=0.01),
        Recipe(epochs=EPOCHS, precision="bfloat16"),
    ],
    ids=["sgd", "adamw", "bfloat16"],
)
def test_it_ends_in_the_same_weights(world: tuple[Tensors, Tensors], recipe: Recipe, tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "a"
    undisturbed, calm = trained(world, recipe, None)
    for kill_in in (2, 4):
        with pytest.raises(Killed):
            trained(world, recipe, path, kill_in)
        assert path.exists()
    resumed, after = trained(world, recipe, path)
    assert all(torch.equal(undisturbed[name], resumed[name]) for name in undisturbed)
    assert after.curve == calm.curve
    assert not path.exists()


@pytest.mark.parametrize("fault", ["cut off", "flipped", "of another training"])
def test_a_checkpoint_that_is_not_its_own_is_as_none(
    fault: str, world: tuple[Tensors, Tensors], tmp_path: Path
) -> None:
    path = tmp_path / "a"
    recipe = Recipe(epochs=EPOCHS)
    with pytest.raises(Killed):
        trained(world, recipe, path, 3, key="b" if fault == "of another training" else "a")
    content = bytearray(path.read_bytes())
    if fault == "flipped":
        content[-1] ^= 1
    path.write_bytes(bytes(content[:100]) if fault == "cut off" else bytes(content))
    undisturbed, _ = trained(world, recipe, None)
    resumed, _ = trained(world, recipe, path)
    assert all(torch.equal(undisturbed[name], resumed[name]) for name in undisturbed)


def test_a_short_training_writes_nothing(world: tuple[Tensors, Tensors], tmp_path: Path) -> None:
    checkpointer = Checkpointer(tmp_path / "a", "a")
    with pytest.raises(Killed):
        train(build(network(), 3), *world, Recipe(epochs=2), 3, checkpointer=checkpointer, watch=killed_in_epoch_2)
    assert list(tmp_path.iterdir()) == []


def killed_in_epoch_2(progress: TrainingProgress) -> None:
    if progress.epoch == 2:
        raise Killed


SCRIPT = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from architectures.nets.module import build
from searches.evaluation import datasets
from searches.evaluation.training.recipe import Recipe
from searches.evaluation.training.checkpoints import Checkpointer
from searches.evaluation.training.tensors import tensors
from searches.evaluation.training.trainer import train
from tests.searches.evaluation.training.test_checkpoints import network
digits = datasets.open("digits")
module = build(network(), 3)
recipe = Recipe(epochs=4)
train(module, tensors(digits, "train"), tensors(digits, "validation"), recipe, 3,
      checkpointer=Checkpointer(Path(sys.argv[1]) / "checkpoint", "a", every_seconds=0))
torch.save(module.state_dict(), Path(sys.argv[1]) / "weights")
"""


@pytest.mark.slow
@pytest.mark.parametrize("point", ["checkpoint-write", "checkpoint-renamed"])
def test_it_survives_a_kill_at_each_crash_point(point: str, world: tuple[Tensors, Tensors], tmp_path: Path) -> None:
    (tmp_path / "passes").mkdir()
    named = {"NASPORTAL_CRASH_POINT": f"{point}:2", "NASPORTAL_CRASH_FOLDER": str(tmp_path / "passes")}
    codes = [
        subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], env=os.environ | named).returncode
        for _ in range(2)
    ]
    assert codes == [-signal.SIGKILL, 0]
    module = build(network(), 3)
    train(module, *world, replace(Recipe(), epochs=4), 3)
    weights = torch.load(tmp_path / "weights", weights_only=True)
    assert all(torch.equal(value, weights[name]) for name, value in module.state_dict().items())
