"""Dominance, hypervolume, and choosing one point of a front. Inside, every objective is minimised."""

from searches.pareto.choice import Choice, ChoiceError, borda, knee, select_best
from searches.pareto.front import crowding, front, fronts, ranks
from searches.pareto.volume import contributions, hypervolume

__all__ = [
    "Choice",
    "ChoiceError",
    "borda",
    "contributions",
    "crowding",
    "front",
    "fronts",
    "hypervolume",
    "knee",
    "ranks",
    "select_best",
]
