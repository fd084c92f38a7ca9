"""What the architecture page shows of a candidate: its graph, layers, source, origin and place on the front."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.safestring import SafeString
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import DiffLexer, PythonLexer

from architectures.drawing import svg
from architectures.drawing.blocks import blocks_of, labelled
from architectures.ir import compact
from architectures.ir.complexity import Complexity, complexity
from architectures.ir.graph import Graph
from codegen.models import Repository
from codegen.sources.preview import Preview, preview
from profiling import targets
from profiling.meters.roofline import Prediction, predict
from searches import objectives, pareto
from searches.models import Candidate, Evaluation
from searches.selectors.lineage import Lineage


@dataclass(frozen=True)
class Layer:
    """One node of the graph with what it costs."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    params: int
    macs: int
    share: float  # of the network's MACs, in per cent
    milliseconds: float  # modelled for the run's target
    bound: str  # what the model says it waits for: arithmetic, memory, overhead; or fused


@dataclass(frozen=True)
class ProfiledBlock:
    """One block of the drawing with what it costs."""

    name: str
    label: str
    milliseconds: float
    params: int
    macs: int


@dataclass(frozen=True)
class Architecture:
    """A candidate with its graph and its best evaluation."""

    candidate: Candidate
    graph: Graph
    evaluation: Evaluation | None

    @classmethod
    def of(cls, candidate: Candidate) -> "Architecture":
        best = candidate.evaluations.order_by("-fidelity").first()
        return cls(candidate, compact.loads(candidate.graph), best)

    @property
    def values(self) -> Mapping[str, float]:
        return self.evaluation.values if self.evaluation else {}

    @property
    def timing(self) -> Mapping[str, Any]:
        """Returns how the values came about."""
        return self.evaluation.timing if self.evaluation else {}

    @property
    def curves(self) -> list[tuple[str, Any]]:
        """Returns the curve as its plot takes it: a name and its points."""
        return [(f"#{self.candidate.number}", self.evaluation.curve)] if self.evaluation else []

    @property
    def drawing(self) -> SafeString:
        return self.drawn()

    def drawn(self, compare_to: Graph | None = None) -> SafeString:
        """The drawing; against another graph, blocks that are unlike are marked."""
        return SafeString(svg(self.graph, title=f"Candidate {self.candidate.number}", compare_to=compare_to))

    @cached_property
    def complexity(self) -> Complexity:
        return complexity(self.graph)

    @cached_property
    def prediction(self) -> Prediction:
        """Layer by layer for the run's target: modelled, whatever was measured of the whole."""
        return predict(self.graph, targets.create(self.candidate.run.spec["target"]), self.complexity)

    @cached_property
    def blocks(self) -> tuple[ProfiledBlock, ...]:
        """The blocks of the drawing with what each of them costs."""
        layers = {layer.name: layer for layer in self.layers}
        return tuple(
            ProfiledBlock(
                block.name or block.label,
                block.label,
                sum(layers[node.name].milliseconds for node in block.nodes),
                sum(layers[node.name].params for node in block.nodes),
                sum(layers[node.name].macs for node in block.nodes),
            )
            for block in labelled(blocks_of(self.graph))
        )

    @cached_property
    def lineage(self) -> Lineage:
        return Lineage.of(self.candidate)

    @cached_property
    def evaluations(self) -> list[Evaluation]:
        """One for each fidelity at which it was measured, the cheapest first."""
        return list(self.candidate.evaluations.order_by("fidelity", "number").defer("line", "curve", "files"))

    @cached_property
    def repositories(self) -> list[Repository]:
        links = self.candidate.repository_links.select_related("repository__owner")
        return [link.repository for link in links]

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        total = max(1, self.complexity.macs)
        costs = self.complexity.by_name
        modelled = {node.name: node for node in self.prediction.nodes}
        return tuple(
            Layer(
                node.name,
                node.primitive.kind,
                node.inputs,
                node.shape,
                costs[node.name].params,
                costs[node.name].macs,
                100 * costs[node.name].macs / total,
                1e3 * modelled[node.name].seconds,
                modelled[node.name].bound,
            )
            for node in self.graph.nodes
        )

    @cached_property
    def preview(self) -> Preview:
        return preview(self.graph)

    @property
    def source(self) -> str:
        return self.preview.files["model.py"]

    @property
    def highlighted(self) -> SafeString:
        """model.py with a span for each line, whose id ends in the line's number."""
        formatter = HtmlFormatter(linespans="line", cssclass="source")
        return SafeString(highlight(self.source, PythonLexer(), formatter))  # pygments escapes what it prints

    @cached_property
    def parents(self) -> list[Candidate]:
        run = self.candidate.run
        return list(run.candidates.filter(number__in=self.candidate.parents).defer("graph"))

    @cached_property
    def children(self) -> list[int]:
        """Numbers of the candidates that came from this one, as far as they are among the next hundred."""
        number = self.candidate.number
        later = self.candidate.run.candidates.filter(number__gt=number, number__lte=number + 100)
        return [child for child, parents in later.values_list("number", "parents") if number in parents]

    @cached_property
    def rivals(self) -> int:
        """Counts the other candidates with a result at the fidelity at which this one is on the front."""
        own = self.candidate.evaluations.filter(is_on_front=True).order_by("-fidelity").first()
        if own is None:
            return 0
        return self.candidate.run.evaluations.filter(status="done", fidelity=own.fidelity).count() - 1

    @cached_property
    def repository(self) -> Repository | None:
        """The newest one that was asked for."""
        links = self.candidate.repository_links.filter(repository__request__has_key="architecture")  # no bundle
        link = links.select_related("repository").first()
        return link.repository if link else None

    def place(self, front: Sequence[Mapping[str, Any]], names: Sequence[str]) -> "Place":
        """Places the candidate among the front, objective by objective."""
        return Place(self.candidate.number, self.values, front, names)


@dataclass(frozen=True)
class Place:
    """A candidate against the front of its run."""

    number: int
    values: Mapping[str, float]
    front: Sequence[Mapping[str, Any]]
    names: Sequence[str]

    @property
    def is_member(self) -> bool:
        return any(entry["number"] == self.number for entry in self.front)

    @property
    def dominating(self) -> list[int]:
        """The members of the front that are at least as good everywhere and better somewhere."""
        if self.is_member or not all(name in self.values for name in self.names):
            return []
        mine = objectives.losses(self.names, self.values)
        return [entry["number"] for entry in self.front if self._dominates(entry, mine)]

    def _dominates(self, entry: Mapping[str, Any], mine: tuple[float, ...]) -> bool:
        if not all(name in entry["values"] for name in self.names):
            return False
        return pareto.dominates(objectives.losses(self.names, entry["values"]), mine)

    @property
    def ranks(self) -> list[tuple[str, int]]:
        """Returns, for each objective, the rank among the front and this candidate; 1 is best."""
        found = []
        for name in self.names:
            if name in self.values:
                mine = objectives.loss(name, self.values[name])
                better = [each for each in self.front if objectives.loss(name, each["values"].get(name, mine)) < mine]
                found.append((objectives.get(name).title, 1 + len(better)))
        return found


def highlighted_difference(text: str) -> SafeString:
    """A unified difference, coloured."""
    return SafeString(highlight(text, DiffLexer(), HtmlFormatter(nowrap=True)))  # pygments escapes what it prints
