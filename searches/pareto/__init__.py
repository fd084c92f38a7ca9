"""Dominance, hypervolume, and choosing one point of a front. Inside, every objective is minimised."""

from searches.pareto.choice import ChoiceError, SelectionRule, knee, select_best
from searches.pareto.front import crowding, dominates, front, fronts, ranks, weakly_dominates
from searches.pareto.volume import contributions, hypervolume, share
from searches.pareto.voting import Vote, borda, vote

__all__ = [
    "ChoiceError",
    "SelectionRule",
    "Vote",
    "borda",
    "contributions",
    "crowding",
    "dominates",
    "front",
    "fronts",
    "hypervolume",
    "knee",
    "ranks",
    "select_best",
    "share",
    "vote",
    "weakly_dominates",
]
