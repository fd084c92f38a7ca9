"""Single-path supernet (Guo et al. 2019, arXiv 1904.00420): uniformly drawn networks train on shared weights in turn;
afterwards a network is judged in a blink, with the weights that it inherits and batch norms that are set for it.

A stand-in for a training, and a weak one: a search tries it on its first networks before it is trusted
(`searches/engine/supernet_check.py`).
"""

import json
from functools import lru_cache
from pathlib import Path
from random import Random

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.ir.graph import Graph
from architectures.nets.module import GraphModule
from architectures.nets.supernet_shared import SharedWeights
from architectures.spaces import Space
from architectures.spaces.limits import Limits
from architectures.spaces.space import Genotype
from searches.evaluation.files import read_file
from searches.evaluation.training.recipe import CHEAP_RECALIBRATION, CHEAP_VALIDATION, Recipe
from searches.evaluation.training.tensors import Tensors
from searches.evaluation.training.trainer import GRADIENT_NORM, accuracy, one_cycle, recalibrate

STEP_COST = 3 * 10**10  # multiply-adds of a share
MOST_DRAWS = 20  # of one path under tight limits; then the last one is trained
PEAK = 1 / 3  # of the recipe's learning rate: many networks pull at the same weights


class SinglePathSupernet:
    """Trained by the recipe, its epochs and a share of its peak rate; ``state`` is all that a later share needs."""

    def __init__(
        self,
        space: Space,
        training: Tensors,
        recipe: Recipe,
        seed: int,
        state: bytes | None = None,
        limits: Limits | None = None,
    ) -> None:
        tensors = {} if state is None else safetensors.torch.load(state)
        document = json.loads(bytes(tensors.pop("document").tolist())) if tensors else {"seed": seed, "position": 0}
        self.space, self.training, self.recipe, self.limits = space, training, recipe, limits
        self.seed, self.position = document["seed"], document["position"]
        self.batches = max(1, len(training) // recipe.batch_size)
        self.shared = SharedWeights(self.seed)
        self.shared.restore((name[8:], value) for name, value in tensors.items() if name.startswith("weights."))
        self.momentum = {name[9:]: value for name, value in tensors.items() if name.startswith("momentum.")}

    @property
    def total(self) -> int:
        return self.recipe.epochs * self.batches

    @property
    def is_done(self) -> bool:
        return self.position >= self.total

    def run(self) -> tuple[float | None, int]:
        """A share of the training; answers with its mean loss and its counted cost."""
        total, done, cost = 0.0, 0, 0
        while not self.is_done and cost < STEP_COST:
            loss, macs = self._batch()
            total, done, cost = total + loss, done + 1, cost + 3 * macs * self.recipe.batch_size
            self.position += 1
        return (total / done if done else None), cost

    def _batch(self) -> tuple[float, int]:
        genotype = self._path()
        module, keys = self.shared.network(self.space.decode(genotype))
        epoch, place = divmod(self.position, self.batches)
        generator = torch.Generator().manual_seed(Random(f"{self.seed}/order/{epoch}").getrandbits(63))
        order = torch.randperm(len(self.training), generator=generator)
        rows = order[place * self.recipe.batch_size : (place + 1) * self.recipe.batch_size]
        module.train()
        logits = module(self.training.batch(rows))
        loss = functional.cross_entropy(
            logits, self.training.classes_of(rows), label_smoothing=self.recipe.label_smoothing
        )
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(module.parameters(), GRADIENT_NORM, foreach=True)
        self._step(module, keys)
        return float(loss.detach()), self.space.costs(genotype).macs

    def _path(self) -> Genotype:
        """Draws a path as networks are drawn for a search: uniformly, within the limits where enough are."""
        random = Random(f"{self.seed}/path/{self.position}")
        for _ in range(MOST_DRAWS):
            genotype = self.space.sample(random)
            if self.limits is None or self.space.keeps(genotype, self.limits):
                break
        return genotype

    @torch.no_grad()
    def _step(self, module: nn.Module, keys: dict[str, str]) -> None:
        """Nesterov's momentum on the slices that took part; what is not there keeps its own."""
        rate = PEAK * one_cycle(self.position, self.total, self.recipe)
        for name, parameter in module.named_parameters():
            if parameter.grad is None:
                continue
            gradient = parameter.grad
            if parameter.ndim > 1:
                gradient = gradient.add(parameter, alpha=self.recipe.weight_decay)
            moving = self._momentum(keys[name], parameter)
            moving.mul_(self.recipe.momentum).add_(gradient)
            parameter.sub_(gradient.add(moving, alpha=self.recipe.momentum), alpha=rate)

    def _momentum(self, key: str, parameter: Tensor) -> Tensor:
        whole = self.shared.tensors[key]
        held = self.momentum.get(key)
        if held is None or held.shape != whole.shape:
            grown = torch.zeros_like(whole)
            if held is not None:
                grown[tuple(slice(size) for size in held.shape)] = held
            self.momentum[key] = held = grown
        return held[tuple(slice(size) for size in parameter.shape)]

    def accuracy(self, genotype: Genotype, validation: Tensors) -> float:
        return judged(self.shared, self.space.decode(genotype), self.training, validation)

    def state(self) -> bytes:
        """Once it is trained nobody goes on from its momentum."""
        found = {f"weights.{name}": value.contiguous() for name, value in self.shared.tensors.items()}
        if not self.is_done:
            found |= {f"momentum.{name}": value.contiguous() for name, value in self.momentum.items()}
        document = json.dumps({"seed": self.seed, "position": self.position}).encode()
        found["document"] = torch.tensor(list(document), dtype=torch.uint8)
        return bytes(safetensors.torch.save(found))


def judged(shared: SharedWeights, graph: Graph, training: Tensors, validation: Tensors) -> float:
    """Accuracy with inherited weights; the batch norms' statistics are the network's own."""
    module: GraphModule = shared.network(graph)[0].to(training.device)
    recalibrate(module, training, CHEAP_RECALIBRATION)
    return accuracy(module, cheap(validation))


def cheap(validation: Tensors) -> Tensors:
    """The same few images for every network: enough for an order."""
    return validation.reduced(CHEAP_VALIDATION / len(validation))


def shared_weights(path: Path, sha256: str) -> SharedWeights:
    """Returns a stored state, anew for each network: what it lacks for one must not depend on the networks before."""
    seed, tensors = _stored(path, sha256)
    shared = SharedWeights(seed)
    shared.restore(tensors.items())
    return shared


@lru_cache(maxsize=1)
def _stored(path: Path, sha256: str) -> tuple[int, dict[str, Tensor]]:
    tensors = safetensors.torch.load(read_file(path, sha256))
    document = json.loads(bytes(tensors.pop("document").tolist()))
    return document["seed"], {name[8:]: value for name, value in tensors.items() if name.startswith("weights.")}
