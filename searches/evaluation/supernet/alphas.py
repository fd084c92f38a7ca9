"""The alphas of a supernet: probabilities of each decision's choices, the paths that they draw, and how they learn."""

from collections.abc import Sequence

import torch
from torch import Tensor

from architectures.nets.supernet import Path
from architectures.nets.supernet_graph import SKIP, Supergraph

START = 1e-3  # deviation of the first values: no choice begins ahead
BETAS = (0.5, 0.999)  # as in DARTS
DECAY = 1e-3


class Alphas:
    """One value for each choice of each decision, in rows that are filled up with minus infinity."""

    def __init__(self, description: Supergraph, generator: torch.Generator) -> None:
        self.description = description
        counts = [len(each.choices) for each in description.decisions]
        self.counts = counts
        self.outside = torch.zeros(len(counts), max(counts))
        for row, count in enumerate(counts):
            self.outside[row, count:] = -torch.inf
        self.values = (START * torch.randn(self.outside.shape, generator=generator)).requires_grad_()
        self.optimizer = torch.optim.Adam([self.values], betas=BETAS, weight_decay=DECAY)
        self._skips = torch.zeros_like(self.outside, dtype=torch.bool)
        for row, each in enumerate(description.decisions):
            if each.is_operation and SKIP in each.labels and len(each.labels) > 1:
                self._skips[row, each.labels.index(SKIP)] = True

    @property
    def logits(self) -> Tensor:
        """Returns the alphas, (decisions, choices), with -inf outside the choices."""
        return self.values + self.outside

    def probabilities(self, temperature: float = 1.0) -> list[Tensor]:
        """Returns the probabilities (choices,) of each decision."""
        rows = (self.logits / temperature).softmax(1)
        return [row[:count] for row, count in zip(rows, self.counts, strict=True)]

    def table(self) -> list[list[float]]:
        return [row.tolist() for row in self.probabilities()]

    @property
    def most_likely(self) -> tuple[int, ...]:
        return tuple(self.logits.argmax(1).tolist())

    def mixture(self, temperature: float, dropped: float, generator: torch.Generator) -> list[Tensor]:
        """Returns weights (choices,) for the sum of operations; some skips are left out, the rest scaled up."""
        rows = self.probabilities(temperature)
        if not dropped:
            return rows
        kept = 1.0 - self._dropped(dropped, generator).float()
        scale = torch.where(self._skips, kept / (1 - dropped), 1.0)
        return [row * each[:count] for row, each, count in zip(rows, scale, self.counts, strict=True)]

    def path(self, dropped: float, generator: torch.Generator, temperature: float | None = None) -> Path:
        """Drawn by the Gumbel-max trick; with a temperature also the second of the draw as the rival, and gates."""
        logits = self.logits.detach()
        noise = -torch.log(-torch.log(torch.rand(logits.shape, generator=generator).clamp(1e-9, 1 - 1e-7)))
        drawn = logits + noise
        if dropped:
            drawn = drawn.masked_fill(self._dropped(dropped, generator), -torch.inf)
        if drawn.shape[1] == 1 or temperature is None:
            return Path(tuple(drawn.argmax(1).tolist()))
        values, pair = drawn.topk(2, dim=1)
        pair = torch.where(values.isinf(), pair[:, :1], pair)  # nothing to choose: it is its own rival
        soft = (self.logits.gather(1, pair) / temperature).softmax(1)
        gates = torch.tensor([1.0, 0.0]) + soft - soft.detach()
        chosen, rivals = pair.unbind(1)
        return Path(tuple(chosen.tolist()), tuple(rivals.tolist()), gates)

    def _dropped(self, rate: float, generator: torch.Generator) -> Tensor:
        return self._skips & (torch.rand(self._skips.shape, generator=generator) < rate)

    def learn(self, gradient: Tensor, costs: Sequence[Sequence[float]] | None, weight: float, rate: float) -> None:
        """Takes a step of Adam down the loss, by its gradient (decisions, choices).

        By `weight` it goes down the expected cost, too.
        """
        if costs is not None and weight:
            table = torch.zeros_like(self.values)
            for row, each in enumerate(costs):
                table[row, : len(each)] = torch.tensor(each)
            expected = (self.logits.softmax(1) * table).sum()
            gradient = gradient + weight * torch.autograd.grad(expected, self.values)[0]
        self.values.grad = torch.where(self.outside.isinf(), 0.0, gradient)
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.step()
        self.values.grad = None

    # State

    def state(self) -> dict[str, Tensor]:
        """Returns alphas and moments, (decisions, choices), by name."""
        found = {"values": self.values.detach().clone()}
        if moments := self.optimizer.state.get(self.values):
            found |= {name: moments[name].detach().clone() for name in ("exp_avg", "exp_avg_sq", "step")}
        return found

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes alphas and moments, (decisions, choices), from a state."""
        with torch.no_grad():
            self.values.copy_(state["values"])
        if "step" in state:
            self.optimizer.state[self.values] = {name: state[name] for name in ("step", "exp_avg", "exp_avg_sq")}
