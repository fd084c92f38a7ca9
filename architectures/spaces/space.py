"""What every search space is: decisions, and all that follows from them without knowing what is searched."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from math import prod
from random import Random
from typing import Any, ClassVar, NamedTuple

from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from architectures.options import options
from architectures.spaces.limits import Limits

Genotype = tuple[int, ...]

MOST_DRAWS = 20_000  # of a constrained sample, about a second
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class SpaceError(ValueError):
    """A search space cannot be as asked: the field and what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}")
        self.field, self.message = field, message

    def __reduce__(self) -> tuple[type[SpaceError], tuple[str, str]]:
        return type(self), (self.field, self.message)


class Decision(NamedTuple):
    """A categorical choice. `block` is what is kept whole when genotypes are crossed: "stage1" or "stage1.layer2"."""

    name: str
    choices: tuple[str, ...]
    block: str


class Costs(NamedTuple):
    """What can be known of a network before its graph is built."""

    params: int
    macs: int


class Variation(NamedTuple):
    """A child and, in words, how it differs from its (first) parent."""

    genotype: Genotype
    change: str


@dataclass(frozen=True, kw_only=True)
class Space(ABC):
    """Subclasses are frozen dataclasses whose further fields are their options."""

    name: ClassVar[str]
    input_shape: tuple[int, ...]
    classes: int

    # What a subclass says

    @cached_property
    @abstractmethod
    def decisions(self) -> tuple[Decision, ...]: ...

    @abstractmethod
    def decode(self, genotype: Sequence[int], prune: bool = True) -> Graph:
        """The network of a genotype; `prune=False` keeps what does not change its output."""

    def canonical(self, genotype: Sequence[int]) -> Genotype:
        """The one genotype that stands for all that mean the same network."""
        return self.checked(genotype)

    def relevant(self, genotype: Sequence[int]) -> tuple[bool, ...]:
        """Returns, for each decision, whether it matters in a genotype (those of missing layers do not)."""
        return (True,) * len(self.decisions)

    @property
    def size(self) -> int:
        """Returns how many genotypes there are, apart from decisions that do not matter."""
        return prod(len(decision.choices) for decision in self.decisions)

    # What follows

    def __getstate__(self) -> dict[str, Any]:
        """Its fields: what was remembered on the way is found again."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def options(self) -> dict[str, Any]:
        """The options in force, safe for JSON: creating the space with them gives it again."""
        found = {each.name: getattr(self, each.name) for each in options(type(self))}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    def checked(self, genotype: Sequence[int]) -> Genotype:
        """Returns the genotype as a tuple.

        Raises SpaceError where it has too many or too few decisions, or a choice that there is not.
        """
        found = tuple(genotype)
        if len(found) != len(self.decisions):
            raise SpaceError("genotype", f"must have {len(self.decisions)} decisions, but has {len(found)}")
        for value, decision in zip(found, self.decisions, strict=True):
            if type(value) is not int or not 0 <= value < len(decision.choices):
                last = len(decision.choices) - 1
                raise SpaceError("genotype", f"must have 0 to {last} at {decision.name}, but has {value!r}")
        return found

    def costs(self, genotype: Genotype) -> Costs:
        """Parameters and MACs of a checked genotype's network; spaces whose parts add up answer without decoding."""
        counted = complexity(self.decode(genotype))
        return Costs(counted.params, counted.macs)

    def draw(self, random: Random) -> Genotype:
        """Each decision uniformly, irrelevant ones included."""
        return tuple([int(random.random() * count) for count in self._counts])

    def sample(self, random: Random, limits: Limits | None = None) -> Genotype:
        """Draws a canonical genotype; each decision is uniform. Raises SpaceError where no draw keeps the limits.

        With limits, whole draws are repeated until one keeps them: what is allowed keeps its relative frequency.
        """
        if limits is None:
            return self.canonical(self.draw(random))
        for _ in range(MOST_DRAWS):
            genotype = self.canonical(self.draw(random))
            if self.keeps(genotype, limits):
                return genotype
        rule = f"must be loose enough to be met by one in {MOST_DRAWS:,} networks of {self.name}"
        raise SpaceError("limits", f"{rule}, but none was found: loosen them or narrow the space")

    def keeps(self, genotype: Genotype, limits: Limits) -> bool:
        """Returns whether a canonical genotype's network is within the limits that can be counted. Cheap ones first."""
        if not limits.allow(*self.costs(genotype)):
            return False
        return not limits.needs_graph or not limits.violations(complexity(self.decode(genotype)))

    def mutate(self, genotype: Sequence[int], random: Random, rate: float | None = None) -> Variation:
        """Changes the network once or, with a rate, each decision with that probability (at least one).

        Raises SpaceError where the rate is not in (0, 1].
        """
        parent = self.canonical(genotype)
        if rate is None:
            return self._first_that_differs(parent, self.moves(parent, random))
        if not 0 < rate <= 1:
            raise SpaceError("rate", f"must be above 0 and at most 1, but is {rate}")
        for _ in range(100):
            relevant = self.relevant(parent)
            chosen = [i for i, matters in enumerate(relevant) if matters and random.random() < rate]
            changed = [self._other(parent, i, random) for i in chosen if len(self.decisions[i].choices) > 1]
            child = list(parent)
            for index, value in changed:
                child[index] = value
            if self.canonical(child) != parent:
                words = "; ".join(self._words(parent, index, value) for index, value in changed)
                return Variation(self.canonical(child), words)
        return self.mutate(parent, random)

    def moves(self, parent: Genotype, random: Random) -> Iterable[Variation]:
        """Single changes in random order. Spaces whose blocks can be inserted or deleted add those."""
        relevant = self.relevant(parent)
        every = [
            (index, value)
            for index, decision in enumerate(self.decisions)
            if relevant[index]
            for value in range(len(decision.choices))
            if value != parent[index]
        ]
        random.shuffle(every)
        for index, value in every:
            yield Variation((*parent[:index], value, *parent[index + 1 :]), self._words(parent, index, value))

    def crossover(self, first: Sequence[int], second: Sequence[int], random: Random) -> Variation:
        """The first parent with whole blocks of the second: stages, or layers that stand at the same place in both."""
        mother, father = self.canonical(first), self.canonical(second)
        stages, layers = (self._exchangeable(mother, father, whole_stages=whole) for whole in (True, False))
        if not stages:
            return Variation(mother, "no block of the parents could be exchanged")
        for _ in range(10):  # some exchanges change nothing that matters
            by_block = stages if len(stages) > 1 and random.random() < 0.5 else layers or stages
            taken = sorted(random.sample(sorted(by_block), random.randint(1, max(1, len(by_block) - 1))))
            child = list(mother)
            for index in [index for block in taken for index in by_block[block]]:
                child[index] = father[index]
            found = Variation(self.canonical(child), f"{', '.join(taken)} of the second parent")
            if found.genotype not in (mother, father):
                break
        return found

    def describe(self, genotype: Sequence[int]) -> str:
        """The decisions that matter, in words."""
        found = self.canonical(genotype)
        matters = self.relevant(found)
        rows = zip(self.decisions, found, matters, strict=True)
        return ", ".join(f"{decision.name} {decision.choices[value]}" for decision, value, relevant in rows if relevant)

    def encode(self, genotype: Sequence[int]) -> str:
        """A short word (at most 64 characters of 0-9, A-Z, a-z) for the canonical genotype."""
        number = 0
        for value, count in zip(self.canonical(genotype), self._counts, strict=True):
            number = number * count + value
        return _word(number)

    def parse(self, text: str) -> Genotype:
        """Reads a genotype from a word of `encode`.

        Raises SpaceError where the word is malformed or lies beyond the space.
        """
        if not text or len(text) > 64 or any(letter not in _DIGITS for letter in text):
            raise SpaceError("genotype", f"must be 1 to 64 of 0-9, A-Z, a-z, but is {text[:70]!r}")
        number = 0
        for letter in text:
            number = number * len(_DIGITS) + _DIGITS.index(letter)
        found = []
        for count in reversed(self._counts):
            number, value = divmod(number, count)
            found.append(value)
        if number:
            raise SpaceError("genotype", f"must be a word of {self.name} with these options, but {text!r} lies beyond")
        return self.canonical(found[::-1])

    # Parts

    @cached_property
    def _counts(self) -> tuple[int, ...]:
        return tuple(len(decision.choices) for decision in self.decisions)

    @cached_property
    def index(self) -> dict[str, int]:
        """The position of each decision by its name."""
        return {decision.name: index for index, decision in enumerate(self.decisions)}

    @cached_property
    def _outer_blocks(self) -> frozenset[str]:
        return frozenset(decision.block.rpartition(".")[0] for decision in self.decisions)

    def _first_that_differs(self, parent: Genotype, moves: Iterable[Variation]) -> Variation:
        for move in moves:
            child = self.canonical(move.genotype)
            if child != parent:
                return Variation(child, move.change)
        return Variation(parent, "no decision could be changed")

    def _other(self, parent: Genotype, index: int, random: Random) -> tuple[int, int]:
        value = random.randrange(len(self.decisions[index].choices) - 1)
        return index, value + (value >= parent[index])

    def _words(self, parent: Genotype, index: int, value: int) -> str:
        decision = self.decisions[index]
        return f"{decision.name}: {decision.choices[parent[index]]} → {decision.choices[value]}"

    def _exchangeable(self, mother: Genotype, father: Genotype, *, whole_stages: bool) -> dict[str, list[int]]:
        """Blocks in which the parents differ, with their decisions. Single ones must matter in both; a block that has
        others inside is exchanged whole or not at all."""
        here, there = self.relevant(mother), self.relevant(father)
        members: dict[str, list[int]] = {}
        for index, decision in enumerate(self.decisions):
            block = decision.block.partition(".")[0] if whole_stages else decision.block
            if whole_stages or (here[index] and there[index] and block not in self._outer_blocks):
                members.setdefault(block, []).append(index)
        return {
            block: indices
            for block, indices in members.items()
            if any(mother[index] != father[index] for index in indices)
        }


def _word(number: int) -> str:
    letters = []
    while number:
        number, digit = divmod(number, len(_DIGITS))
        letters.append(_DIGITS[digit])
    return "".join(reversed(letters)) or _DIGITS[0]
