"""Turns what evaluators answered into a line's status, reason and values."""

from collections.abc import Sequence
from math import isfinite, nan, sqrt
from statistics import mean, stdev

from profiling.meters.energy import modelled
from profiling.meters.roofline import predict
from searches import objectives
from searches.algorithms.algorithm import Genotype
from searches.engine.executors.executor import EvaluatorBroken, JobFinished
from searches.engine.problem import SpecProblem
from searches.evaluation.fidelity import PROXY_FIDELITY, TRAINING_LOSS
from searches.spec import SearchSpec

# Student's t, two-sided 95 %, for so many values: the interval of a mean of few.
T95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
NOT_FINITE = "a measured value is not finite"
Verdict = tuple[str, str, dict[str, float]]


def judged(problem: SpecProblem, genotype: Genotype, results: Sequence[JobFinished]) -> Verdict:
    """Returns status, reason and values; a candidate that failed has no values, and an infinite one counts as failed.

    Raises EvaluatorBroken where a value was not measured.
    """
    result = results[0]
    if result.status != "done":
        return "failed", result.reason or "the evaluator gave no reason", {}
    if result.fidelity == PROXY_FIDELITY:
        return finite(scored(problem, genotype, result))
    wanted = dict.fromkeys((*problem.spec.objectives, "accuracy"))
    measured = {name: objectives.get(name).measured_as for name in wanted}
    missing = [key for key in measured.values() if key not in result.values]
    if missing:
        raise EvaluatorBroken(f"the evaluator did not measure {missing[0]} of number {result.number}")
    values = {name: result.values[key] for name, key in measured.items()}
    values |= promoting(problem.spec, result)
    return finite(values | averaged([each.values["accuracy"] for each in results]))


def promoting(spec: SearchSpec, result: JobFinished) -> dict[str, float]:
    """Returns what a rung promotes by, beside the accuracy that it has measured; the last epoch's mean loss."""
    if spec.ladder.promote_by != TRAINING_LOSS or result.fidelity >= spec.fidelities[-1]:
        return {}
    return {TRAINING_LOSS: nan if not result.curve or result.curve[-1][1] is None else result.curve[-1][1]}


def averaged(accuracies: Sequence[float]) -> dict[str, float]:
    """The mean over several seeds, with the half width of its 95 % interval."""
    if len(accuracies) < 2:
        return {}
    half = T95[len(accuracies)] * stdev(accuracies) / sqrt(len(accuracies))
    return {"accuracy": mean(accuracies), "accuracy_interval": half, "seeds": len(accuracies)}


def scored(problem: SpecProblem, genotype: Genotype, result: JobFinished) -> dict[str, float]:
    """Returns the values of an untrained network: proxy, counts, and estimates of what would have to be measured."""
    network, target, proxy = problem.network(genotype), problem.target, problem.spec.ladder.proxy
    known = dict(result.values) | {
        "latency_ms": predict(network.graph, target, network.complexity).milliseconds,
        "energy_mj": modelled(network.complexity, target).value,
    }
    counted = {name: objectives.get(name).measured_as for name in problem.spec.objectives if name != "accuracy"}
    return {proxy: known[proxy]} | {name: known[key] for name, key in counted.items()}


def finite(values: dict[str, float]) -> Verdict:
    return ("done", "", values) if all(isfinite(value) for value in values.values()) else ("failed", NOT_FINITE, {})
