"""``python -m bench.pacing``: trains as an evaluator does, one thread that gives way to pages, an epoch a line."""

import os
from itertools import count
from random import Random

from architectures import spaces
from architectures.nets.module import build
from architectures.spaces.limits import Limits
from searches.evaluation.evaluator import split_of
from searches.evaluation.training.recipe import Recipe
from searches.evaluation.training.trainer import train
from searches.evaluation.worker import NICENESS, settle_torch


def main() -> None:
    os.nice(NICENESS)
    settle_torch()
    space = spaces.create("chain", (1, 8, 8), 10)
    module = build(space.decode(space.sample(Random(0), Limits(max_flops=1_000_000))), 0)
    training, validation = split_of("digits", "train"), split_of("digits", "validation")
    for number in count():
        train(module, training, validation, Recipe(epochs=1), number)
        print(number, flush=True)


if __name__ == "__main__":
    main()
