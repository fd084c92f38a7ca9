"""What a candidate's repository is asked to be: gathered from the rows, checked by codegen's one request class."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from architectures.ir import compact
from architectures.ir.complexity import Complexity, complexity
from architectures.ir.graph import Graph
from architectures.ir.json import to_document
from codegen import licences
from codegen.repository_request import Figure, Neighbour, RepositoryRequest
from codegen.sources.target_advice import exports_for
from profiling import targets
from profiling.meters.origin import is_modelled
from searches import objectives
from searches.evaluation.training.recipe import portable
from searches.models import Candidate, Evaluation


class NothingToDeliver(ValueError):
    """A candidate that has no trained weights."""


def delivered(candidate: Candidate) -> Evaluation:
    """Returns the evaluation whose weights are delivered: the one of the highest fidelity.

    Raises NothingToDeliver where the candidate has no trained weights or they are not kept.
    """
    done = candidate.evaluations.filter(status="done").with_weights().order_by("-fidelity").first()
    if done is None and candidate.evaluations.filter(status="done").exists():
        raise NothingToDeliver(
            f"The weights of candidate {candidate.number} are not kept: a quota of checkpoints was reached, or the run "
            "is an example, which keeps only those of its selected candidate."
        )
    if done is None:
        raise NothingToDeliver(
            f"Candidate {candidate.number} has no trained weights; select one whose evaluation is done."
        )
    return done


def lack_of(candidate: Candidate) -> str:
    """Says why there is nothing to deliver of a candidate that is trained; empty where there is."""
    try:
        delivered(candidate)
    except NothingToDeliver as reason:
        return str(reason)
    return ""


@dataclass(frozen=True)
class Delivery:
    """A trained network of a search, from whichever store: the rows of a run, or the folder of a search."""

    name: str
    spec: Mapping[str, Any]
    header: Mapping[str, Any]
    graph: Graph
    origin: Mapping[str, Any]
    number: int
    fingerprint: str
    parents: Sequence[int]
    change: str
    fidelity: int  # epochs
    values: Mapping[str, float]
    test_accuracy: float | None
    weights: Path
    weights_sha256: str
    front: tuple[Neighbour, ...]
    evaluations: int
    history_sha256: str
    run: Mapping[str, str] = field(default_factory=dict)  # {"run": its name}, where the search has one


def request_of(candidate: Candidate, author: str, licence: str = licences.DEFAULT) -> RepositoryRequest:
    """Ask for the repository of a candidate. Raises NothingToDeliver where no weights are kept."""
    return request_for(delivery_of(candidate), author, licence)


def request_for(found: Delivery, author: str = "", licence: str = licences.DEFAULT) -> RepositoryRequest:
    """Ask for the repository of a network; an equal network gives an equal request, and that the same bytes."""
    spec = found.spec
    return RepositoryRequest(
        name=found.name[:200],
        architecture=to_document(found.graph, origin=dict(found.origin)),
        weights=str(found.weights),
        weights_sha256=found.weights_sha256,
        seed=spec["seed"],
        data=found.header.get("data", {}),
        data_path=spec["dataset"],
        training=portable(spec["training"] | {"epochs": found.fidelity}),
        exports=exports_for(spec["target"]),
        results=tuple(figures(found)),
        objectives=tuple(objectives.facts(spec["objectives"])),
        front=found.front,
        provenance={
            **found.run,
            "candidate": found.number,
            "fingerprint": found.fingerprint,
            "parents": found.parents,
            "change": found.change,
            "algorithm": spec["algorithm"],
            "algorithm_options": spec["algorithm_options"],
            "evaluations": found.evaluations,
            "seed": spec["seed"],
            "target": spec["target"],
            "history_sha256": found.history_sha256,
            "machine": found.header.get("machine", {}),
        },
        author=author,
        licence=licence,
    )


def delivery_of(candidate: Candidate) -> Delivery:
    """Gather what the rows hold. Raises NothingToDeliver where no weights are kept."""
    run, evaluation = candidate.run, delivered(candidate)
    return Delivery(
        name=f"{run.name} {candidate.number}",
        run={"run": run.name},
        spec=run.spec,
        header=run.header or {},
        graph=compact.loads(candidate.graph),
        origin=origin(candidate),
        number=candidate.number,
        fingerprint=candidate.fingerprint,
        parents=candidate.parents,
        change=candidate.change,
        fidelity=evaluation.fidelity,
        values=evaluation.values,
        test_accuracy=evaluation.test_accuracy,
        weights=run.folder / evaluation.weights_path,
        weights_sha256=evaluation.weights_sha256,
        front=neighbours(candidate),
        evaluations=run.evaluations_done,
        history_sha256=run.history_sha256,
    )


def origin(candidate: Candidate) -> dict[str, Any]:
    """Returns the origin of the graph, for an import into another search."""
    spec = candidate.run.spec
    return {"space": spec["space"], "options": spec["space_options"], "genotype": candidate.genotype}


def figures(found: Delivery) -> Iterator[Figure]:
    """Yield the numbers of the model card, which adds what is counted; a modelled one says so."""
    yield from measured(found.values, complexity(found.graph), found.spec["target"])
    if found.test_accuracy is not None:
        yield Figure("test_accuracy", found.test_accuracy, note="test split, read once, after the selection")


def measured(values: Mapping[str, float], counts: Complexity, target: str) -> Iterator[Figure]:
    """The values of an evaluation that are objectives; what a ladder or several seeds add to them is no figure."""
    for name in values:
        if name in objectives.names():
            yield figure(name, values, counts, target)


def figure(name: str, values: Mapping[str, float], counts: Complexity, target: str) -> Figure:
    objective, value = objectives.get(name), values[name]
    if objective.count(counts) is not None:
        return Figure(name, value, objective.unit, "counted")
    if objective.is_share():
        return Figure(name, value, objective.unit, "measured", validated(values))
    how = "estimated" if is_modelled(objective.measured_as, target) else "measured"
    return Figure(name, value, objective.unit, how, targets.get(target).title)


def validated(values: Mapping[str, float]) -> str:
    """Returns how an accuracy was measured; of several seeds it is their mean, with its 95 % interval."""
    if "accuracy_interval" not in values:
        return "validation split"
    points = 100 * values["accuracy_interval"]
    return f"validation split, mean of {values['seeds']:g} seeds ± {points:.2g} percentage points (95 % interval)"


def neighbours(candidate: Candidate) -> tuple[Neighbour, ...]:
    """The front of the run, by number."""
    rows = candidate.run.evaluations.filter(is_on_front=True).in_order().values_list("number", "values")
    return tuple(Neighbour(number, values, number == candidate.number) for number, values in rows)
