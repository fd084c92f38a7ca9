"""A two-layer LSTM that writes genotypes, decision by decision (Zoph & Le 2017, arXiv 1611.01578), in numpy.

Small enough that numpy is quicker than starting a tensor library, and its learning is a plain function of the history.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Genotypes = NDArray[np.int64]  # (genotypes, decisions)
LAYERS = 2


@dataclass
class Step:
    """What the backward pass needs of one decision."""

    inputs: list[Numbers]  # of each layer
    gates: list[tuple[Numbers, Numbers, Numbers, Numbers, Numbers]]  # input, forget, output, candidate, tanh(cell)
    cells: list[Numbers]  # before the step
    states: list[Numbers]  # before the step
    top: Numbers
    probabilities: Numbers


@dataclass
class Controller:
    """Parameters, Adam's moments, and the three things done with them: draw, judge, learn."""

    choices: tuple[int, ...]  # of each decision
    hidden: int
    rate: float
    clip: float
    seed: int
    parameters: dict[str, Numbers] = field(init=False)
    moments: dict[str, tuple[Numbers, Numbers]] = field(init=False)
    updates: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        generator = np.random.default_rng(self.seed)
        size, tokens = self.hidden, 1 + sum(self.choices)
        shapes: dict[str, tuple[int, ...]] = {"embedding": (tokens, size)}
        for layer in range(LAYERS):
            shapes[f"weights{layer}"] = (2 * size, 4 * size)
            shapes[f"bias{layer}"] = (4 * size,)
        for place, count in enumerate(self.choices):
            shapes[f"head{place}"] = (size, count)
        self.parameters = {name: generator.uniform(-0.1, 0.1, shape) for name, shape in shapes.items()}
        for layer in range(LAYERS):
            self.parameters[f"bias{layer}"][:] = 0.0
        self.moments = {name: (np.zeros(shape), np.zeros(shape)) for name, shape in shapes.items()}

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The first token of each decision's choices; token 0 begins a genotype."""
        return tuple(1 + sum(self.choices[:place]) for place in range(len(self.choices)))

    def draw(self, count: int, generator: np.random.Generator, temperature: float = 1.0) -> Genotypes:
        """Genotypes from the policy, flattened by the temperature: (count, decisions)."""
        drawn = np.zeros((count, len(self.choices)), dtype=np.int64)
        uniform = generator.random((len(self.choices), count, 1))
        cells, states = self.nothing(count)
        tokens = np.zeros(count, dtype=np.int64)
        for place in range(len(self.choices)):
            step = self.step(place, tokens, cells, states, temperature)
            drawn[:, place] = (uniform[place] > step.probabilities.cumsum(axis=1)[:, :-1]).sum(axis=1)
            tokens = self.starts[place] + drawn[:, place]
        return drawn

    def judge(self, genotypes: Genotypes, relevant: NDArray[np.bool_]) -> tuple[Numbers, Numbers, list[Step]]:
        """Returns log-probability (genotypes,) and entropy (genotypes,), in nats, over the decisions that matter.

        `relevant` has the shape (genotypes, decisions).
        """
        logs, entropy, steps = np.zeros(len(genotypes)), np.zeros(len(genotypes)), []
        cells, states = self.nothing(len(genotypes))
        tokens = np.zeros(len(genotypes), dtype=np.int64)
        every = np.arange(len(genotypes))
        for place in range(len(self.choices)):
            step = self.step(place, tokens, cells, states)
            logarithms = np.log(step.probabilities + 1e-12)
            logs += relevant[:, place] * logarithms[every, genotypes[:, place]]
            entropy -= relevant[:, place] * (step.probabilities * logarithms).sum(axis=1)
            tokens = self.starts[place] + genotypes[:, place]
            steps.append(step)
        return logs, entropy, steps

    def learn(self, genotypes: Genotypes, relevant: NDArray[np.bool_], advantages: Numbers, bonus: float) -> float:
        """Takes one REINFORCE step and returns the mean entropy: up the advantage-weighted log-probability plus
        ``bonus`` times the entropy.

        `relevant` has the shape (genotypes, decisions), `advantages` (genotypes,).
        """
        _, entropy, steps = self.judge(genotypes, relevant)
        gradients = self.backward(genotypes, relevant, advantages, bonus, steps)
        self.adam(gradients)
        return float(entropy.mean())

    # One step, and its backward pass

    def nothing(self, count: int) -> tuple[list[Numbers], list[Numbers]]:
        """Returns zeros (count, hidden) for the cells and the states of each layer."""
        return [np.zeros((count, self.hidden)) for _ in range(LAYERS)], [
            np.zeros((count, self.hidden)) for _ in range(LAYERS)
        ]

    def step(
        self,
        place: int,
        tokens: NDArray[np.int64],
        cells: list[Numbers],
        states: list[Numbers],
        temperature: float = 1.0,
    ) -> Step:
        """Advances ``cells`` and ``states``, (genotypes, hidden) per layer, by one decision; `tokens` (genotypes,)."""
        below = self.parameters["embedding"][tokens]
        step = Step([], [], list(cells), list(states), below, below)
        for layer in range(LAYERS):
            step.inputs.append(below)
            both = np.concatenate([below, states[layer]], axis=1)
            raw = both @ self.parameters[f"weights{layer}"] + self.parameters[f"bias{layer}"]
            i, f, o, g = np.split(raw, 4, axis=1)
            i, f, o, g = sigmoid(i), sigmoid(f + 1.0), sigmoid(o), np.tanh(g)
            cells[layer] = f * cells[layer] + i * g
            squashed = np.tanh(cells[layer])
            below = states[layer] = o * squashed
            step.gates.append((i, f, o, g, squashed))
        step.top = below
        step.probabilities = softmax(below @ self.parameters[f"head{place}"] / temperature)
        return step

    def backward(
        self,
        genotypes: Genotypes,
        relevant: NDArray[np.bool_],
        advantages: Numbers,
        bonus: float,
        steps: list[Step],
    ) -> dict[str, Numbers]:
        """Returns the loss's gradient by parameter, through time, averaged over the genotypes.

        `relevant` has the shape (genotypes, decisions), `advantages` (genotypes,).
        """
        count = len(genotypes)
        gradients = {name: np.zeros_like(value) for name, value in self.parameters.items()}
        cells, states = self.nothing(count)  # gradients that flow back into the step before
        for place in reversed(range(len(self.choices))):
            step = steps[place]
            chosen = np.eye(self.choices[place])[genotypes[:, place]]
            raw = -advantages[:, None] * (chosen - step.probabilities) - bonus * entropy_gradient(step.probabilities)
            raw *= relevant[:, place, None] / count
            gradients[f"head{place}"] += step.top.T @ raw
            below = raw @ self.parameters[f"head{place}"].T
            for layer in reversed(range(LAYERS)):
                below = self.layer_backward(layer, step, below, cells, states, gradients)
            tokens = self.starts[place - 1] + genotypes[:, place - 1] if place else np.zeros(count, dtype=np.int64)
            np.add.at(gradients["embedding"], tokens, below)
        return gradients

    def layer_backward(
        self,
        layer: int,
        step: Step,
        above: Numbers,
        cells: list[Numbers],
        states: list[Numbers],
        gradients: dict[str, Numbers],
    ) -> Numbers:
        """Passes the gradient `above` through one layer; its input's gradient is (genotypes, hidden) as well."""
        i, f, o, g, squashed = step.gates[layer]
        state = above + states[layer]
        cell = cells[layer] + state * o * (1 - squashed**2)
        raw = np.concatenate(
            [
                cell * g * i * (1 - i),
                cell * step.cells[layer] * f * (1 - f),
                state * squashed * o * (1 - o),
                cell * i * (1 - g**2),
            ],
            axis=1,
        )
        both = np.concatenate([step.inputs[layer], step.states[layer]], axis=1)
        gradients[f"weights{layer}"] += both.T @ raw
        gradients[f"bias{layer}"] += raw.sum(axis=0)
        back = raw @ self.parameters[f"weights{layer}"].T
        cells[layer] = cell * f
        states[layer] = back[:, self.hidden :]
        return back[:, : self.hidden]

    def adam(self, gradients: dict[str, Numbers]) -> None:
        """Updates each parameter by a gradient of the same shape (Kingma & Ba 2015, arXiv 1412.6980).

        The norm of all gradients together is clipped first.
        """
        norm = float(np.sqrt(sum((gradient**2).sum() for gradient in gradients.values())))
        scale = min(1.0, self.clip / norm) if norm > 0 else 1.0
        self.updates += 1
        for name, gradient in gradients.items():
            first, second = self.moments[name]
            first += 0.1 * (scale * gradient - first)
            second += 0.001 * ((scale * gradient) ** 2 - second)
            mean, spread = first / (1 - 0.9**self.updates), second / (1 - 0.999**self.updates)
            self.parameters[name] -= self.rate * mean / (np.sqrt(spread) + 1e-8)


def sigmoid(values: Numbers) -> Numbers:
    """Applies the logistic function to each value; the result has the same shape."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -40, 40))))


def softmax(values: Numbers) -> Numbers:
    """Returns probabilities (genotypes, choices) for values of the same shape."""
    shifted = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def entropy_gradient(probabilities: Numbers) -> Numbers:
    """Returns the entropy's gradient with respect to the values before the softmax, (genotypes, choices)."""
    logarithms = np.log(probabilities + 1e-12)
    entropy = -(probabilities * logarithms).sum(axis=1, keepdims=True)
    return np.asarray(-probabilities * (logarithms + entropy))
