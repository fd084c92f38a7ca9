"""What a supernet's choices cost: the gradient of the expected cost of a network drawn by the alphas. No torch here.

With a probability for each choice of each decision, the expected cost is linear in each of them, so its derivative is
the expected cost given that choice: a mean over drawn networks. What is counted is the network itself, by the functions
that judge candidates; no second description of what things cost exists.
"""

from collections.abc import Callable, Sequence
from random import Random

from architectures.ir.complexity import complexity
from architectures.nets.supernet_graph import Supergraph
from architectures.spaces.space import Genotype, Space
from profiling import targets
from profiling.meters.roofline import predict

Measure = Callable[[Genotype], float]
Table = list[list[float]]  # a row for each decision, a column for each choice

DRAWS = 4
REFERENCE_DRAWS = 32

MEASURES = ("flops", "params", "memory", "latency")


def measure_of(name: str, space: Space, target_name: str) -> Measure:
    """Returns the measure of a genotype, cached, because draws repeat themselves."""
    target = targets.create(target_name)
    counted: dict[str, Measure] = {
        "flops": lambda genotype: 2.0 * space.costs(genotype).macs,
        "params": lambda genotype: float(space.costs(genotype).params),
        "memory": lambda genotype: float(complexity(space.decode(genotype)).activation_peak_bytes),
        "latency": lambda genotype: predict(space.decode(genotype), target).seconds,
    }
    known: dict[Genotype, float] = {}

    def measure(genotype: Genotype) -> float:
        if genotype not in known:
            known[genotype] = counted[name](genotype)
        return known[genotype]

    return measure


def expected_given(description: Supergraph, probabilities: Table, measure: Measure, random: Random) -> Table:
    """Returns, for each choice of each decision, the mean cost of networks that have it, drawn by the probabilities."""
    table = [[0.0] * len(row) for row in probabilities]
    for _ in range(DRAWS):
        drawn = draw(probabilities, random)
        for place, row in enumerate(table):
            for choice in range(len(row)):
                genotype = description.genotype((*drawn[:place], choice, *drawn[place + 1 :]))
                row[choice] += measure(genotype) / DRAWS
    return table


def reference(description: Supergraph, measure: Measure, random: Random) -> float:
    """The mean cost of networks drawn uniformly: costs are shares of it, whatever their unit."""
    uniform = [[1.0] * len(each.choices) for each in description.decisions]
    drawn = [description.genotype(draw(uniform, random)) for _ in range(REFERENCE_DRAWS)]
    return sum(map(measure, drawn)) / len(drawn) or 1.0


def draw(probabilities: Sequence[Sequence[float]], random: Random) -> tuple[int, ...]:
    return tuple(random.choices(range(len(row)), row)[0] for row in probabilities)
