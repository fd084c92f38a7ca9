"""Trains a supernet and its alphas on separate halves of the training data (DARTS, arXiv 1806.09055), share by share.

Each batch belongs to one cost weight in turn: they share the weights of the network and have alphas of their own. What
is drawn depends on the seed and the position alone, so a training that goes on from its state is the undisturbed one.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.ir.complexity import complexity
from architectures.nets.supernet import Path, Supernet
from architectures.nets.supernet_graph import Supergraph, supergraph
from architectures.spaces import Space
from searches.evaluation.supernet.alphas import Alphas
from searches.evaluation.supernet.collapse import dominant_eigenvalue, patience, sharper, too_many_skips
from searches.evaluation.supernet.costs import Measure, Table, expected_given, measure_of, reference
from searches.evaluation.supernet.options import SupernetOptions
from searches.evaluation.supernet.unrolled import gradient, unrolled
from searches.evaluation.training.tensors import Tensors
from searches.evaluation.training.trainer import GRADIENT_NORM, Diverged

STEP_COST = 3 * 10**10  # multiply-adds of one share: some ten seconds of a core
PATH_DRAWS = 16  # for the mean cost of a path
FINAL_RATE = 0.02  # of the first learning rate of the weights
JUDGED_IMAGES = 512

Augment = Callable[[Tensor, torch.Generator], Tensor] | None
Watch = Callable[[float, float], None]  # epochs done, loss


@dataclass
class Progress:
    """What the state holds beside tensors."""

    seed: int
    position: int = 0  # batches done
    reference: float = 0.0  # cost of a mean network
    eigenvalues: list[float] = field(default_factory=list)
    skip_shares: list[float] = field(default_factory=list)  # of each epoch since the alphas learn
    stopped: str = ""  # why, if a guard did


class SupernetTraining:
    """A supernet with its alphas, at a position; ``state`` is all that a later step needs."""

    def __init__(
        self,
        space: Space,
        options: SupernetOptions,
        training: Tensors,
        batch_size: int,
        seed: int,
        state: bytes | None = None,
        *,
        target: str = "this_machine",
        augment: Augment = None,
    ) -> None:
        tensors = {} if state is None else safetensors.torch.load(state)
        known = json.loads(bytes(tensors["document"].tolist())) if tensors else {"seed": seed}
        self.options, self.training, self.augment, self.target = options, training, augment, target
        self.progress = Progress(**known)
        self.description: Supergraph = supergraph(space, options.parts)
        self.net = Supernet(self.description, self.progress.seed % 2**63)
        self.net.to(training.device)
        generator = self.generator("alphas")
        self.sets = [Alphas(self.description, generator) for _ in options.weights]
        self.before: list[list[Tensor]] = [[] for _ in self.sets]  # alphas of the last epochs, newest last
        halves = torch.randperm(len(training), generator=self.generator("halves")).tensor_split(2)
        self.halves = halves[0], halves[1]  # of the weights, of the alphas
        self.batch_size = min(batch_size, len(self.halves[1]))
        self.batches = len(self.halves[1]) // self.batch_size  # an epoch
        self.optimizer = self._optimizer()
        if tensors:
            self._restore(tensors)

    # Position

    @property
    def total(self) -> int:
        return self.options.epochs * self.batches

    @property
    def is_done(self) -> bool:
        return self.progress.position >= self.total or bool(self.progress.stopped)

    @property
    def epoch(self) -> float:
        return self.progress.position / self.batches

    @property
    def fraction(self) -> float:
        return self.progress.position / self.total

    @property
    def alphas_learn(self) -> bool:
        return self.fraction >= self.options.warmup

    @property
    def temperature(self) -> float:
        first, last = self.options.temperature, self.options.final_temperature
        return first + (last - first) * self.fraction

    @property
    def rate(self) -> float:
        """Returns the learning rate of the weights: half a cosine."""
        share = FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * self.fraction)) / 2
        return self.options.rate * share

    @property
    def back(self) -> int:
        """Epochs that a guard waits for, and goes back by."""
        return patience(self.options.epochs * (1 - self.options.warmup))

    def generator(self, *what: object) -> torch.Generator:
        seed = Random("/".join(map(str, (self.progress.seed, *what)))).getrandbits(63)
        return torch.Generator().manual_seed(seed)

    def share(self) -> int:
        """Batches of a step: an epoch, or an equal part of it that a step's time allows. Counted, never timed."""
        steps = math.ceil(self.batches * self.batch_cost / STEP_COST)
        return math.ceil(self.batches / max(1, steps))

    @cached_property
    def batch_cost(self) -> int:
        """Multiply-adds of both halves' batch: three passes each, two more forward for the rival, five for order 2."""
        if self.options.is_one_path:
            random = Random("path")
            space = self.description.space
            macs = sum(space.costs(space.sample(random)).macs for _ in range(PATH_DRAWS)) // PATH_DRAWS
            passes = 8
        else:
            macs, passes = complexity(self.description.graph).macs, 6
        return macs * self.batch_size * (passes + 9 * (self.options.order == 2))

    # Training

    def run(self, watch: Watch | None = None) -> dict[str, Any]:
        """Trains a share of an epoch, or nothing where all is done, and returns the report.

        Raises Diverged where the training loss is not finite.
        """
        total, done = torch.zeros(()), 0
        for _ in range(0 if self.is_done else self.share()):
            total += self.batch()
            done += 1
            self.progress.position += 1
            if watch is not None:
                watch(self.epoch, float(total) / done)
            if self.progress.position % self.batches == 0:
                self.epoch_is_done()
                break
            if self.is_done:
                break
        loss = float(total) / done if done else None
        if loss is not None and not math.isfinite(loss):
            raise Diverged(f"diverged: the supernet's training loss is {loss}; a lower rate keeps it finite")
        return self.report(loss, done)

    def batch(self) -> Tensor:
        """Updates the alphas on their half, then the weights on theirs, and returns the loss as a scalar."""
        epoch, place = divmod(self.progress.position, self.batches)
        generator = self.generator("batch", self.progress.position)
        self.net.auxiliary = self.options.auxiliary * (1 - self.fraction)
        number = self.progress.position % len(self.sets)
        weights_batch, alphas_batch = (
            self._batch(half, epoch, place, generator, is_augmented=half is self.halves[0]) for half in self.halves
        )
        if self.alphas_learn:
            alphas = self.sets[number]
            weights = self._drawn(alphas, generator, with_gates=True)
            slope = self._alpha_gradient(alphas, weights, weights_batch, alphas_batch)
            weight = self.options.weights[number]
            alphas.learn(slope, self._costs(number, epoch), weight, self.options.alpha_rate)
        with torch.no_grad():
            drawn = self._drawn(self.sets[number], generator, with_gates=False)
        return self._weight_step(drawn, weights_batch)

    def _batch(
        self, half: Tensor, epoch: int, place: int, generator: torch.Generator, *, is_augmented: bool
    ) -> tuple[Tensor, Tensor]:
        order = self._order(epoch, half is self.halves[0])
        rows = half[order[place * self.batch_size : (place + 1) * self.batch_size]]
        pixels = self.training.pixels(rows)
        if self.augment is not None and is_augmented:
            pixels = self.augment(pixels, generator)
        return self.training.normalised(pixels), self.training.classes_of(rows)

    def _order(self, epoch: int, is_weights: bool) -> Tensor:
        return torch.randperm(len(self.halves[1]), generator=self.generator("order", epoch, is_weights))

    def _drawn(self, alphas: Alphas, generator: torch.Generator, *, with_gates: bool) -> Path | Sequence[Tensor]:
        dropped = self.options.skip_dropout * (1 - self.fraction)
        if self.options.is_one_path:
            return alphas.path(dropped, generator, self.temperature if with_gates else None)
        return alphas.mixture(self.temperature, dropped, generator)

    def _loss(self, batch: tuple[Tensor, Tensor], weights: Path | Sequence[Tensor]) -> Tensor:
        return functional.cross_entropy(self.net(batch[0], weights), batch[1])

    def _weight_step(self, weights: Path | Sequence[Tensor], batch: tuple[Tensor, Tensor]) -> Tensor:
        loss = self._loss(batch, weights)
        self.optimizer.zero_grad(set_to_none=True)  # what the path leaves out does not even decay
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), GRADIENT_NORM, foreach=True)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        self.optimizer.step()
        return loss.detach().cpu()

    def _alpha_gradient(
        self,
        alphas: Alphas,
        weights: Path | Sequence[Tensor],
        weights_batch: tuple[Tensor, Tensor],
        alphas_batch: tuple[Tensor, Tensor],
    ) -> Tensor:
        def loss() -> Tensor:
            return self._loss(alphas_batch, weights)

        if self.options.order == 1:
            return gradient(loss, alphas.values)
        parameters = list(self.net.parameters())
        return unrolled(lambda: self._loss(weights_batch, weights), loss, alphas.values, parameters, self.rate)

    # Costs

    @cached_property
    def _measure(self) -> Measure:
        return measure_of(self.options.cost, self.description.space, self.target)

    @cached_property
    def _tables(self) -> dict[int, tuple[int, Table]]:
        return {}  # set: epoch and costs

    def _costs(self, number: int, epoch: int) -> Table | None:
        """Returns costs as shares of a mean network's; drawn anew each epoch, since the alphas have moved."""
        if not self.options.weights[number]:
            return None
        if self._tables.get(number, (-1,))[0] != epoch:
            self._tables[number] = epoch, self._relative_costs(number, epoch)
        return self._tables[number][1]

    def _relative_costs(self, number: int, epoch: int) -> Table:
        if not self.progress.reference:
            self.progress.reference = reference(self.description, self._measure, Random("reference"))
        random = Random(f"{self.progress.seed}/costs/{number}/{epoch}")
        table = expected_given(self.description, self._epoch_table(number), self._measure, random)
        return [[value / self.progress.reference for value in row] for row in table]

    def _epoch_table(self, number: int) -> list[list[float]]:
        """The probabilities at the beginning of the epoch, wherever a step goes on within it."""
        alphas = self.sets[number]
        values = self.before[number][-1] if self.before[number] else torch.zeros_like(alphas.values)
        rows = (values + alphas.outside).softmax(1)
        return [row[:count].tolist() for row, count in zip(rows, alphas.counts, strict=True)]

    # Guards

    def epoch_is_done(self) -> None:
        for alphas, kept in zip(self.sets, self.before, strict=True):
            kept.append(alphas.values.detach().clone())
            del kept[: -self.back - 1]
        if not self.alphas_learn:
            return
        self.progress.skip_shares.append(self.description.skip_share(self.sets[0].most_likely))
        if self.options.eigenvalue_growth:
            self.progress.eigenvalues.append(self._eigenvalue())
        collapsed = too_many_skips(self.progress.skip_shares, self.options.max_skip_share, self.back)
        sharp = sharper(self.progress.eigenvalues, self.options.eigenvalue_growth, self.back)
        self.progress.stopped = sharp or collapsed
        if sharp:
            for alphas, kept in zip(self.sets, self.before, strict=True):
                with torch.no_grad():
                    alphas.values.copy_(kept[0])

    def _eigenvalue(self) -> float:
        generator = self.generator("eigenvalue", self.progress.position)
        batch = self._batch(self.halves[1], 0, 0, generator, is_augmented=False)
        alphas = self.sets[0]
        self.net.auxiliary = self.options.auxiliary * (1 - self.fraction)

        def slope(values: Tensor) -> Tensor:
            leaf = values.clone().requires_grad_()
            rows = (leaf + alphas.outside).softmax(1)
            shares = [row[:count] for row, count in zip(rows, alphas.counts, strict=True)]
            return torch.autograd.grad(self._loss(batch, shares), leaf)[0]

        return dominant_eigenvalue(slope, alphas.values.detach(), alphas.outside.isinf(), generator)

    # Report

    @torch.no_grad()
    def accuracy(self) -> float:
        """Returns the accuracy of the most likely path with the shared weights, on images of the alphas' half."""
        rows = self.halves[1][:JUDGED_IMAGES]
        self.net.auxiliary = self.options.auxiliary * (1 - self.fraction)
        path = Path(self.sets[0].most_likely)
        right = sum(
            int((self.net(self.training.batch(part), path).argmax(1) == self.training.classes_of(part)).sum())
            for part in rows.tensor_split(math.ceil(len(rows) / 256))
        )
        return right / len(rows)

    def report(self, loss: float | None, batches: int) -> dict[str, Any]:
        share = self.description.skip_share(self.sets[0].most_likely)
        eigenvalues = self.progress.eigenvalues
        tables = [alphas.table() for alphas in self.sets]
        decisions = self.description.decisions
        return {
            "epoch": round(self.epoch, 3),
            "epochs": self.options.epochs,
            "loss": loss if loss is None else round(loss, 6),
            "accuracy": round(self.accuracy(), 6),
            "temperature": round(self.temperature, 4),
            "alphas": {
                each.name: rounded(row) for each, row in zip(decisions, tables[0], strict=True) if each.is_operation
            },
            "operations": list(self.description.labels),
            "skip_share": round(share, 4),
            "eigenvalue": round(eigenvalues[-1], 6) if eigenvalues else None,
            "warning": self.warning(share),
            "stopped": self.progress.stopped,
            "is_done": self.is_done,
            "batches": batches,
            "sets": [
                {
                    "weight": weight,
                    "alphas": [rounded(row) for row in table],
                    "cost": round(self._cost_of_most_likely(number), 4),
                }
                for number, (weight, table) in enumerate(zip(self.options.weights, tables, strict=True))
            ],
        }

    def _cost_of_most_likely(self, number: int) -> float:
        """Returns the cost of the set's most likely network, as a share of a mean one's."""
        if not self.progress.reference:
            self.progress.reference = reference(self.description, self._measure, Random("reference"))
        return self._measure(self.description.genotype(self.sets[number].most_likely)) / self.progress.reference

    def warning(self, share: float) -> str:
        if self.progress.stopped:
            return f"stopped: {self.progress.stopped}"
        if self.alphas_learn and share >= self.options.max_skip_share:
            return f"collapse: {share:.0%} of the operations of the most likely network are skip connections"
        return ""

    # State

    def _optimizer(self) -> torch.optim.Optimizer:
        decayed = [weight for weight in self.net.parameters() if weight.ndim > 1]
        free = [weight for weight in self.net.parameters() if weight.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 3e-4}, {"params": free, "weight_decay": 0.0}]
        return torch.optim.SGD(groups, lr=self.options.rate, momentum=0.9, nesterov=True, foreach=True)

    def state(self) -> bytes:
        found: dict[str, Tensor] = {}
        for name, parameter in self.net.named_parameters():
            found[f"weights.{name}"] = parameter.detach().contiguous().cpu()
            momentum = self.optimizer.state.get(parameter, {}).get("momentum_buffer")
            if momentum is not None:
                found[f"momentum.{name}"] = momentum.contiguous().cpu()
        for number, (alphas, kept) in enumerate(zip(self.sets, self.before, strict=True)):
            found |= {f"alphas.{number}.{name}": value for name, value in alphas.state().items()}
            found |= {f"before.{number}.{place}": value for place, value in enumerate(kept)}
        # As a tensor: the order of safetensors' own metadata is not fixed, and a state shall have one hash.
        document = json.dumps(self.progress.__dict__, sort_keys=True).encode()
        found["document"] = torch.tensor(list(document), dtype=torch.uint8)
        return bytes(safetensors.torch.save(found))

    @torch.no_grad()
    def _restore(self, tensors: dict[str, Tensor]) -> None:
        for name, parameter in self.net.named_parameters():
            parameter.copy_(tensors[f"weights.{name}"])
            if f"momentum.{name}" in tensors:
                momentum = torch.empty_like(parameter).copy_(tensors[f"momentum.{name}"])
                self.optimizer.state[parameter]["momentum_buffer"] = momentum
        for number, alphas in enumerate(self.sets):
            prefix = f"alphas.{number}."
            alphas.restore({name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)})
            kept = [name for name in tensors if name.startswith(f"before.{number}.")]
            self.before[number] = [tensors[name] for name in sorted(kept, key=lambda name: int(name.split(".")[-1]))]


def rounded(row: Sequence[float]) -> list[float]:
    return [round(value, 5) for value in row]
