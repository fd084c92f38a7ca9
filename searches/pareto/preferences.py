"""Finding somebody's weights by asking which of two candidates they would rather have.

Weights are a few hundred points of the simplex; each answer leaves those that agree with it. The next question is the
pair that splits what is left most evenly, so six answers usually do. The same answers always lead to the same choice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import Any, TypeAlias

from searches.pareto.choice import Entry, scaled

Answer: TypeAlias = tuple[int, int]  # numbers: rather this one, than that one
Weights: TypeAlias = tuple[float, ...]

WEIGHTS = 400
ASKED_AMONG = 14  # members of the front: 91 pairs
QUESTIONS_AT_MOST = 7
EVEN_ENOUGH = 0.08  # a question that fewer would answer differently teaches too little


@dataclass(frozen=True)
class PreferenceElicitation:
    """What is known after some answers: the next question, or none; and the choice so far."""

    question: tuple[Entry, Entry] | None
    chosen: Entry
    weights: Mapping[str, float]
    contradicted: int  # answers that no weights of the remaining ones explain


def elicit(front: Sequence[Entry], names: Sequence[str], answers: Sequence[Answer]) -> PreferenceElicitation:
    """The front must not be empty; answers about candidates that have left it are skipped."""
    places = {entry["number"]: index for index, entry in enumerate(front)}
    asked = [(places[one], places[other]) for one, other in answers if one in places and other in places]
    scores = Scores.of(front, names)
    left, contradicted = scores.agreeing(asked)
    mean = tuple(sum(column) / len(left) for column in zip(*left, strict=True))
    chosen = max(range(len(front)), key=lambda index: (round(scores.value(index, mean), 12), -index))
    pair = None if len(answers) >= QUESTIONS_AT_MOST else scores.question(left, asked)
    question = (front[pair[0]], front[pair[1]]) if pair else None
    return PreferenceElicitation(question, front[chosen], dict(zip(names, mean, strict=True)), contradicted)


@dataclass(frozen=True)
class Scores:
    """The front, scaled to 0-1, objective by objective."""

    rows: Sequence[Weights]

    @classmethod
    def of(cls, front: Sequence[Entry], names: Sequence[str]) -> "Scores":
        columns = [scaled(front, name) for name in names]
        return cls([tuple(column[index] for column in columns) for index in range(len(front))])

    def value(self, index: int, weights: Weights) -> float:
        return sum(weight * value for weight, value in zip(weights, self.rows[index], strict=True))

    def prefers(self, weights: Weights, one: int, other: int) -> bool:
        return self.value(one, weights) > self.value(other, weights)

    def agreeing(self, asked: Sequence[tuple[int, int]]) -> tuple[list[Weights], int]:
        """The weights that explain most answers, and how many answers they do not explain."""
        everything = simplex(len(self.rows[0]))
        explained = [sum(self.prefers(weights, one, other) for one, other in asked) for weights in everything]
        most = max(explained)
        return [weights for weights, count in zip(everything, explained, strict=True) if count == most], (
            len(asked) - most
        )

    def question(self, left: Sequence[Weights], asked: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
        """The pair about which the remaining weights disagree most."""
        known = {frozenset(pair) for pair in asked}
        pairs = [pair for pair in combinations(self.candidates(), 2) if frozenset(pair) not in known]
        if not pairs:
            return None
        shares = [sum(self.prefers(weights, *pair) for weights in left) / len(left) for pair in pairs]
        unevenness, pair = min((abs(share - 0.5), pair) for share, pair in zip(shares, pairs, strict=True))
        return pair if unevenness <= 0.5 - EVEN_ENOUGH else None

    def candidates(self) -> list[int]:
        """An even sample over the first objective: a front of hundreds has too many pairs."""
        ordered = sorted(range(len(self.rows)), key=lambda index: self.rows[index])
        if len(ordered) <= ASKED_AMONG:
            return ordered
        step = (len(ordered) - 1) / (ASKED_AMONG - 1)
        return [ordered[round(place * step)] for place in range(ASKED_AMONG)]


def simplex(count: int) -> list[Weights]:
    """Weights that add up to 1, evenly spread and always the same."""
    random = Random(count)
    drawn = [[random.expovariate(1.0) for _ in range(count)] for _ in range(WEIGHTS)]
    return [tuple(each / sum(row) for each in row) for row in drawn]


def parse_answers(texts: Sequence[str]) -> list[Answer]:
    """`3>5`: number 3 rather than number 5. What cannot be read is left out: it is only a link that somebody edited."""
    found: list[Any] = [text.split(">") for text in texts[:QUESTIONS_AT_MOST]]
    whole = [pair for pair in found if len(pair) == 2 and all(each.isdecimal() and len(each) < 10 for each in pair)]
    return [(int(one), int(other)) for one, other in whole]
