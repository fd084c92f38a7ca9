"""A spec's problem: its space, its limits, and the network of each genotype."""

from dataclasses import asdict, dataclass
from functools import cached_property
from random import Random
from typing import Any

from architectures import spaces
from architectures.ir.complexity import Complexity, complexity
from architectures.ir.fingerprint import fingerprint
from architectures.ir.graph import Graph
from architectures.spaces import Space
from profiling import targets
from profiling.meters.roofline import predict
from profiling.targets import Target
from searches.algorithms.algorithm import Genotype
from searches.evaluation.datasets import Facts
from searches.evaluation.fidelity import PROXY_BATCH, PROXY_FIDELITY, SUPERNET
from searches.evaluation.training.recipe import counted_cost, scoring_cost
from searches.spec import SearchSpec

MOST_DRAWS = 20  # of one sample under tight limits; then the last one is refused and counted
REMEMBERED = 4096  # networks; a search draws the same ones again and again


@dataclass(frozen=True)
class Network:
    """What a genotype stands for, with all that is counted on it."""

    graph: Graph
    fingerprint: str
    complexity: Complexity


class SpecProblem:
    """The problem of a spec on a dataset of these facts."""

    def __init__(self, spec: SearchSpec, facts: Facts) -> None:
        self.spec = spec
        self.facts = facts
        self.networks: dict[Genotype, Network] = {}

    @cached_property
    def space(self) -> Space:
        return spaces.create(self.spec.space, self.facts.input_shape, self.facts.classes, **self.spec.space_options)

    @cached_property
    def target(self) -> Target:
        return targets.create(self.spec.target)

    @property
    def seed(self) -> int:
        return self.spec.seed

    @cached_property
    def document(self) -> dict[str, Any]:
        """Returns what a step needs to know of the problem."""
        space = {"name": self.spec.space, "options": dict(self.spec.space_options)}
        return {
            "input_shape": list(self.facts.input_shape),
            "classes": self.facts.classes,
            "space": space,
            "target": self.spec.target,
        }

    def network(self, genotype: Genotype) -> Network:
        network = self.networks.get(genotype)
        if network is None:
            if len(self.networks) >= REMEMBERED:
                del self.networks[next(iter(self.networks))]
            graph = self.space.decode(genotype)
            network = self.networks[genotype] = Network(graph, fingerprint(graph), complexity(graph))
        return network

    def identity(self, genotype: Genotype) -> str:
        return self.network(genotype).fingerprint

    def sample(self, random: Random) -> Genotype:
        """Limits that can be counted are kept by drawing again; what is allowed keeps its relative frequency."""
        limits = self.spec.limits
        for _ in range(MOST_DRAWS):
            genotype = self.space.sample(random)
            if not any(asdict(limits).values()) or self.space.keeps(genotype, limits):
                break
        return genotype

    def refusal(self, genotype: Genotype) -> str:
        network = self.network(genotype)
        broken = list(self.spec.limits.violations(network.complexity, self.predicted_ms(network)))
        counted = network.complexity
        if unfit := self.target.fits(counted.weight_bytes, counted.activation_peak_bytes):
            broken.append(unfit)
        return "; ".join(broken)

    def predicted_ms(self, network: Network) -> float | None:
        """Predicts latency where the estimate is the objective itself; an estimate of a measured one binds nobody."""
        if targets.is_measured(self.spec.target) or self.spec.limits.max_latency_ms is None:
            return None
        return predict(network.graph, self.target, network.complexity).milliseconds

    def cost(self, genotype: Genotype) -> float:
        """Multiply-adds of its first evaluation."""
        return float(self.cost_at(genotype, self.spec.fidelities[0]))

    def cost_at(self, genotype: Genotype, fidelity: int) -> int:
        images = self.spec.training.images(self.facts.sizes["train"])
        known = self.networks.get(genotype)  # else without decoding: a resumed search asks for thousands
        macs = known.complexity.macs if known else self.space.costs(genotype).macs
        if fidelity != PROXY_FIDELITY:
            return counted_cost(macs, images, fidelity)
        if self.spec.ladder.proxy == SUPERNET:
            return scoring_cost(macs, images, self.facts.sizes["validation"])
        return counted_cost(macs, PROXY_BATCH, 1)

    def training_seed(self, fingerprint: str, fidelity: int, repeat: int = 0) -> int:
        """Returns the seed of the network, never of the number: the same network always trains the same way."""
        more = f"/{repeat}" if repeat else ""
        return Random(f"{self.spec.seed}/{fingerprint}/{fidelity}{more}").getrandbits(63)

    def step_seed(self, kind: str, number: int) -> int:
        return Random(f"{self.spec.seed}/step/{kind}/{number}").getrandbits(63)
