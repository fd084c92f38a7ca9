"""Events out of what the engine has in hand."""

from architectures.ir import compact
from searches.engine import events
from searches.engine.executors.executor import JobFinished, JobProgressed
from searches.engine.problem import Network
from searches.engine.sequence import Candidate, Promotion, StepAsked
from searches.engine.supernet_check import Verdict
from searches.evaluation.rank_correlation import LEVEL


def proposed(candidate: Candidate, network: Network, population: int) -> events.CandidateProposed:
    return events.CandidateProposed(
        candidate.number,
        candidate.fingerprint,
        candidate.genotype,
        candidate.parents,
        candidate.change,
        compact.dumps(network.graph),
        network.complexity.params,
        network.complexity.macs,
        network.complexity.activation_peak_bytes,
        candidate.number // population,
    )


def promoted(asked: Promotion) -> events.CandidatePromoted:
    return events.CandidatePromoted(asked.number, asked.member.fidelity, asked.fidelity, asked.reason, asked.position)


def supernet_judged(verdict: Verdict, fidelity: int) -> events.SupernetJudged:
    tau, low, high = (None if each is None else round(each, 4) for each in (verdict.tau, verdict.low, verdict.high))
    return events.SupernetJudged(
        verdict.position,
        verdict.is_trusted,
        verdict.networks,
        tau,
        low,
        high,
        LEVEL,
        fidelity,
        verdict.reason,
    )


def step_finished(asked: StepAsked, result: JobFinished) -> events.StepFinished:
    is_done = result.status == "done"
    return events.StepFinished(
        asked.number,
        asked.step.kind,
        asked.step.options,
        asked.step.change,
        result.report if is_done else {},
        result.status,
        "" if is_done else result.reason or "the evaluator gave no reason",
        int(result.timing.get("cost", 0)) if is_done else 0,
        result.timing,
        result.files,
    )


def progress(message: JobProgressed) -> events.Progress:
    return events.Progress(
        message.evaluator,
        message.number,
        message.epoch,
        message.epochs,
        message.loss,
        message.accuracy,
        message.seconds_left,
    )
