"""Single-path supernet (Guo et al. 2019, arXiv 1904.00420): uniformly drawn networks train on shared weights in turn;
afterwards a network is judged in a blink, with the weights that it inherits and batch norms that are set for it.

A stand-in for a training, and a weak one: `tau` says how well its order agrees with measured accuracies.
"""

import json
import math
from collections.abc import Sequence
from random import Random
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.nets.supernet_shared import SharedWeights
from architectures.spaces import Space
from architectures.spaces.limits import Limits
from architectures.spaces.space import Genotype
from searches.evaluation.recipe import Recipe
from searches.evaluation.tensors import Tensors
from searches.evaluation.trainer import GRADIENT_NORM, accuracy, one_cycle, recalibrate

STEP_COST = 3 * 10**10  # multiply-adds of a share
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
        genotype = self.space.sample(Random(f"{self.seed}/path/{self.position}"), self.limits)
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
        """With inherited weights; the batch norms' statistics are its own."""
        module, _ = self.shared.network(self.space.decode(genotype))
        recalibrate(module, self.training)
        return accuracy(module, validation)

    def state(self) -> bytes:
        found = {f"weights.{name}": value.contiguous() for name, value in self.shared.tensors.items()}
        found |= {f"momentum.{name}": value.contiguous() for name, value in self.momentum.items()}
        document = json.dumps({"seed": self.seed, "position": self.position}).encode()
        found["document"] = torch.tensor(list(document), dtype=torch.uint8)
        return bytes(safetensors.torch.save(found))


def tau(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Kendall's tau-b; None where one of the two is constant."""
    signs: list[tuple[int, int]] = [
        (_sign(first[i] - first[j]), _sign(second[i] - second[j])) for i in range(len(first)) for j in range(i)
    ]
    sizes = [math.sqrt(sum(sign[place] != 0 for sign in signs)) for place in (0, 1)]
    return sum(a * b for a, b in signs) / (sizes[0] * sizes[1]) if all(sizes) else None


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def judged(supernet: SinglePathSupernet, networks: Sequence[Genotype], validation: Tensors) -> list[dict[str, Any]]:
    return [{"genotype": list(each), "accuracy": round(supernet.accuracy(each, validation), 6)} for each in networks]
