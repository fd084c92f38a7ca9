"""What a spec foretells before anything is trained: size of the space, work, time and memory. No torch here."""

from dataclasses import dataclass
from random import Random
from statistics import mean

from architectures import spaces
from architectures.ir.complexity import complexity
from nasportal.lib.machine import cores
from searches.evaluation import datasets
from searches.evaluation.training.recipe import counted_cost
from searches.spec import SearchSpec

SAMPLES = 12
MACS_A_SECOND = 6e9  # of small convolutions in training, one thread
STARTUP_SECONDS = 8.0  # imports of the engine and its evaluators


@dataclass(frozen=True)
class Estimate:
    """Rough figures, and shown as such."""

    space_size: int
    candidates: int
    seconds: float
    memory_bytes: int


def estimate(spec: SearchSpec) -> Estimate:
    facts = datasets.facts(spec.dataset)
    space = spaces.create(spec.space, facts.input_shape, facts.classes, **spec.space_options)
    random = Random(f"{spec.seed}/estimate")
    counted = [complexity(space.decode(space.sample(random))) for _ in range(SAMPLES)]
    images = spec.training.images(facts.sizes["train"])
    ladder, recipe_epochs = spec.ladder, spec.training.epochs
    epochs = round(ladder.mean_epochs(recipe_epochs) * spec.evaluations + ladder.begun_epochs(recipe_epochs))
    work = counted_cost(round(mean(each.macs for each in counted)), images, epochs)
    seconds = work / MACS_A_SECOND / cores()
    memory = max(each.training_peak_bytes for each in counted) * spec.training.batch_size
    limit = spec.seconds if spec.seconds is not None else float("inf")
    return Estimate(space.size, spec.evaluations, min(limit, STARTUP_SECONDS + seconds), int(memory))
