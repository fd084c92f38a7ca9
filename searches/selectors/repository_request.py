"""What a candidate's repository is asked to be: gathered from the rows, checked by codegen's one request class."""

from collections.abc import Iterator, Mapping
from typing import Any

from architectures.ir import compact
from architectures.ir.complexity import Complexity, complexity
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
    """The evaluation whose weights are delivered: the one of the highest fidelity."""
    done = candidate.evaluations.filter(status="done").exclude(weights_path="").order_by("-fidelity").first()
    if done is None and candidate.evaluations.filter(status="done").exists():
        raise NothingToDeliver(
            f"The weights of candidate {candidate.number} are not kept: a quota of checkpoints was reached, or the run "
            "is an example, which keeps those of its chosen network."
        )
    if done is None:
        raise NothingToDeliver(
            f"Candidate {candidate.number} has no trained weights; choose one whose evaluation is done."
        )
    return done


def lack_of(candidate: Candidate) -> str:
    """Why there is nothing to deliver of a candidate that is trained; empty where there is."""
    try:
        delivered(candidate)
    except NothingToDeliver as reason:
        return str(reason)
    return ""


def request_of(candidate: Candidate, author: str, licence: str = licences.DEFAULT) -> RepositoryRequest:
    """An equal candidate gives an equal request, and an equal request the same bytes."""
    run, evaluation = candidate.run, delivered(candidate)
    spec, header = run.spec, run.header or {}
    graph = compact.loads(candidate.graph)
    return RepositoryRequest(
        name=f"{run.name} {candidate.number}"[:200],
        architecture=to_document(graph, origin=origin(candidate)),
        weights=str(run.folder / evaluation.weights_path),
        weights_sha256=evaluation.weights_sha256,
        seed=spec["seed"],
        data=header.get("data", {}),
        data_path=spec["dataset"],
        training=portable(spec["training"] | {"epochs": evaluation.fidelity}),
        exports=exports_for(spec["target"]),
        results=figures(candidate, evaluation, complexity(graph)),
        objectives=tuple(objectives.facts(spec["objectives"])),
        front=neighbours(candidate),
        provenance={
            "run": run.name,
            "candidate": candidate.number,
            "fingerprint": candidate.fingerprint,
            "parents": candidate.parents,
            "change": candidate.change,
            "algorithm": spec["algorithm"],
            "algorithm_options": spec["algorithm_options"],
            "evaluations": run.evaluations_done,
            "seed": spec["seed"],
            "target": spec["target"],
            "history_sha256": run.history_sha256,
            "machine": header.get("machine", {}),
        },
        author=author,
        licence=licence,
    )


def origin(candidate: Candidate) -> dict[str, Any]:
    """Where the graph came from, for an import into another search."""
    spec = candidate.run.spec
    return {"space": spec["space"], "options": spec["space_options"], "genotype": candidate.genotype}


def figures(candidate: Candidate, evaluation: Evaluation, counts: Complexity) -> tuple[Figure, ...]:
    """The numbers of the model card; a modelled one says so."""
    found = [*measured(evaluation.values, counts, candidate.run.spec["target"])]
    if evaluation.test_accuracy is not None:
        note = "test split, read once, after the choice"
        found.append(Figure("test_accuracy", evaluation.test_accuracy, note=note))
    known = {each.name for each in found}
    counted = [("params", counts.params, ""), ("macs", counts.macs, ""), ("memory", counts.activation_peak_bytes, "B")]
    return (*found, *(Figure(name, value, unit, "counted") for name, value, unit in counted if name not in known))


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
    """How an accuracy was measured; of several seeds it is their mean, with its 95 % interval."""
    if "accuracy_interval" not in values:
        return "validation split"
    points = 100 * values["accuracy_interval"]
    return f"validation split, mean of {values['seeds']:g} seeds ± {points:.2g} percentage points (95 % interval)"


def neighbours(candidate: Candidate) -> tuple[Neighbour, ...]:
    """The front of the run, by number."""
    rows = candidate.run.evaluations.filter(is_on_front=True).in_order().values_list("number", "values")
    return tuple(Neighbour(number, values, number == candidate.number) for number, values in rows)
