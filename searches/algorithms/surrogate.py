"""Predictors of losses from genotypes: Gaussian processes that differ in how far an observation reaches.

The kernel of two genotypes is a product over the decisions in which they differ, so that it knows nothing of what is
searched. The members of the ensemble are weighted by how well each explains the results (marginal likelihood).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular

Numbers = NDArray[np.float64]
Genotypes = NDArray[np.int64]  # (points, decisions)

REACHES = (0.5, 1.0, 2.0, 4.0)  # kernel exp(-reach * share of weighted decisions that differ) * a constant, see below
NOISES = (0.01, 0.1)  # variance of an observation beside that of the loss, which is 1
SCALE = 2.0


@dataclass(frozen=True)
class Member:
    """One Gaussian process, conditioned on the results."""

    reach: float
    factor: Numbers  # Cholesky factor of the kernel matrix
    alpha: Numbers
    evidence: float  # log marginal likelihood


class Surrogate:
    """An ensemble for one objective; losses are replaced by normal scores of their ranks, so outliers do no harm."""

    def __init__(self, genotypes: Genotypes, losses: Numbers) -> None:
        self.genotypes = genotypes
        self.scores = normal_scores(losses)
        self.ladder = np.unique(self.scores), np.unique(losses)  # both rise, step by step
        self.weights = relevance(genotypes, self.scores)
        distances = distance(genotypes, genotypes, self.weights)
        kernels = [(reach, np.exp(-reach * distances)) for reach in REACHES]
        members = [member(kernel, self.scores, reach, noise) for reach, kernel in kernels for noise in NOISES]
        best = max(each.evidence for each in members)
        self.members = [each for each in members if each.evidence > best - 6]  # the others weigh below a quarter of 1 %
        shares = np.exp([each.evidence - best for each in self.members])
        self.shares = shares / shares.sum()

    def losses_at(self, scores: Numbers) -> Numbers:
        """Returns the losses (n,) at scores (n,); beyond the best one on the line that leads there from the median."""
        known, losses = self.ladder
        if len(known) < 2:
            return scores
        middle = len(known) // 2
        slope = (losses[middle] - losses[0]) / (known[middle] - known[0])
        beyond = losses[0] + slope * (scores - known[0])
        return np.where(scores < known[0], beyond, np.interp(scores, known, losses))

    def left_out(self) -> Numbers:
        """Returns the score (points,) that the heaviest member predicts for each result from all the others, in closed
        form.

        Rasmussen & Williams 2006, section 5.4.2, doi.org/10.7551/mitpress/3206.001.0001.
        """
        best = self.members[int(np.argmax(self.shares))]
        inverse = solve_triangular(best.factor, np.eye(len(self.scores)), lower=True, check_finite=False)
        return np.asarray(self.scores - best.alpha / (inverse**2).sum(axis=0))

    def predict(self, genotypes: Genotypes) -> tuple[Numbers, Numbers]:
        """Returns mean (n,) and deviation (n,) of the score for genotypes (n, decisions), over the members.

        Less is better; 0 is the median of what was seen.
        """
        distances = distance(genotypes, self.genotypes, self.weights)
        means, squares = np.zeros(len(genotypes)), np.zeros(len(genotypes))
        for share, each in zip(self.shares, self.members, strict=True):
            cross = np.exp(-each.reach * distances)
            mean = cross @ each.alpha
            rest = solve_triangular(each.factor, cross.T, lower=True, check_finite=False)
            variance = np.maximum(1e-9, 1.0 - (rest**2).sum(axis=0))
            means += share * mean
            squares += share * (variance + mean**2)
        return means, np.sqrt(np.maximum(1e-12, squares - means**2))


def member(kernel: Numbers, scores: Numbers, reach: float, noise: float) -> Member:
    """Conditions one Gaussian process on scores (points,) with a kernel matrix (points, points)."""
    factor: Numbers = np.asarray(np.linalg.cholesky(kernel + noise * np.eye(len(scores))), dtype=np.float64)
    alpha = cho_solve((factor, True), scores, check_finite=False)
    evidence = -0.5 * float(scores @ alpha) - float(np.log(np.diag(factor)).sum())
    return Member(reach, factor, np.asarray(alpha, dtype=np.float64), evidence)


def distance(first: Genotypes, second: Genotypes, weights: Numbers) -> Numbers:
    """Sum of the weights of the decisions in which two genotypes differ: (first, second)."""
    total: Numbers = np.zeros((len(first), len(second)))
    for column, weight in enumerate(weights):
        if weight:
            total += weight * (first[:, column, None] != second[None, :, column])
    return total


def relevance(genotypes: Genotypes, scores: Numbers) -> Numbers:
    """Returns each decision's weight, (decisions,): its share of the variance of scores (points,), and a floor."""
    count = genotypes.shape[1]
    explained = np.array([explained_variance(genotypes[:, column], scores) for column in range(count)])
    total = explained.sum()
    shares = explained / total if total > 0 else np.full(count, 1 / count)
    return np.asarray(SCALE * (0.5 * shares + 0.5 / count), dtype=np.float64)


def explained_variance(choices: NDArray[np.int64], scores: Numbers) -> float:
    """Returns how much of the variance of scores (points,) the choices (points,) explain.

    It is corrected for what as many random groups would explain (adjusted R²).
    """
    _, groups = np.unique(choices, return_inverse=True)
    sizes = np.bincount(groups)
    if len(sizes) < 2 or len(scores) <= len(sizes):
        return 0.0
    means = np.bincount(groups, scores) / sizes
    total = float(((scores - scores.mean()) ** 2).sum())
    within = float(((scores - means[groups]) ** 2).sum())
    if total <= 0:
        return 0.0
    return max(0.0, 1 - (within / (len(scores) - len(sizes))) / (total / (len(scores) - 1)))


def normal_scores(losses: Numbers) -> Numbers:
    """Returns the normal quantiles of the ranks of losses (points,); equal losses share one."""
    values, inverse, counts = np.unique(losses, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    middle = ends - (counts - 1) / 2  # mean rank of each value, from 1
    quantile = NormalDist().inv_cdf
    table = np.array([quantile((rank - 0.5) / len(losses)) for rank in middle])
    return table[inverse] if len(values) > 1 else np.zeros(len(losses))


def matrix(genotypes: Sequence[Sequence[int]]) -> Genotypes:
    """Returns genotypes as an int64 array (genotypes, decisions)."""
    return np.array(genotypes, dtype=np.int64).reshape(len(genotypes), -1)
