"""Everything that a live page needs at its start; the events after `seq` go on from there.

The row of the run is read first, so that its counters fit its `seq`. Candidates that are read later may be ahead of
it: an event that is applied once more sets the same candidate to the same values.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from searches import objectives
from searches.models import Candidate, CandidateRepository, Evaluation, SearchRun

SHOWN_AT_MOST = 2000  # candidates beside the front; the page says "n of N"
GENERATIONS_AT_MOST = 400
CURVES_AT_MOST = 300  # above that many candidates a curve is fetched when it is looked at
RUN_FIELDS = (
    "id", "name", "status", "phase", "reason", "spec", "header", "created", "started", "finished", "worked_seconds",
    "evaluations_total", "evaluations_done", "evaluations_failed", "evaluations_cached", "promotions_done",
    "steps_done", "cost", "duplicates", "refused", "generation", "hypervolume", "front_size", "best_accuracy",
    "chosen_number", "selection", "supernet", "history_sha256",
)  # fmt: skip


def snapshot(run: SearchRun) -> dict[str, Any]:
    """The state of a run as one JSON document."""
    run = SearchRun.objects.select_related("project").get(pk=run.pk)
    total = run.candidates.count()
    shown = shown_candidates(run, total)
    return {
        "type": "snapshot",
        "seq": run.seq,
        "first_seq": run.first_seq,
        "now": timezone.now().isoformat(),
        "run": run_facts(run),
        "objectives": objectives.facts(run.spec["objectives"]),
        "candidates": candidate_facts(run, shown, with_curves=total <= CURVES_AT_MOST),
        "candidates_total": total,
        "generations": generation_facts(run),
        "progress": [row.payload for row in run.progress.all()],
        "repositories": repository_facts(run),
    }


def generation_facts(run: SearchRun) -> list[dict[str, Any]]:
    """The curves of the search, point by point; of very many generations an even sample with the newest."""
    rows = run.generations.values(
        "number", "evaluated", "hypervolume", "front", "best", "mean", "insight", "fidelity", "at"
    )
    stride = -(-((run.generation or 0) + 1) // GENERATIONS_AT_MOST)
    if stride > 1:
        rows = rows.alias(place=F("number") % stride).filter(Q(place=0) | Q(number=run.generation))
    return [row | {"at": row["at"].isoformat() if row["at"] else None} for row in rows.order_by("number")]


def repository_facts(run: SearchRun) -> list[dict[str, int]]:
    """Which candidates' repositories were asked for, in that order."""
    links = CandidateRepository.objects.filter(candidate__run=run).order_by("pk")
    return [
        {"number": number, "repository": key} for number, key in links.values_list("candidate__number", "repository")
    ]


def run_facts(run: SearchRun) -> dict[str, Any]:
    """The row of a run without what only its supervisor needs."""
    facts = {name: getattr(run, name) for name in RUN_FIELDS}
    for name in ("created", "started", "finished"):
        facts[name] = facts[name].isoformat() if facts[name] else None
    return facts | {"project": {"slug": run.project.slug, "name": run.project.name}}


def shown_candidates(run: SearchRun, total: int) -> QuerySet[Candidate]:
    """All of them; of very many the front and an even sample."""
    candidates = run.candidates.defer("graph")
    if total <= SHOWN_AT_MOST:
        return candidates
    stride = -(-total // SHOWN_AT_MOST)
    front = run.evaluations.filter(is_on_front=True).values("candidate_id")
    return candidates.alias(place=F("number") % stride).filter(Q(place=0) | Q(pk__in=front))


def candidate_facts(run: SearchRun, shown: Iterable[Candidate], *, with_curves: bool) -> list[dict[str, Any]]:
    """Each candidate with its evaluation of the highest fidelity, ordered by number."""
    shown = list(shown)
    # How the latency came about is all that is read of the timing, which is large.
    wanted = run.evaluations.filter(candidate__isnull=False).annotate(latency_how=F("timing__latency__how"))
    wanted = wanted.defer("line", "timing", "files")
    if len(shown) < run.candidates.count():
        wanted = wanted.filter(candidate__in=shown)
    best = _highest_fidelity(wanted if with_curves else wanted.defer("line", "timing", "files", "curve"))
    # The front is of one fidelity; some of its members may have been trained further since.
    members = set(run.evaluations.filter(is_on_front=True).values_list("candidate_id", flat=True))
    return [
        _facts(candidate, best.get(candidate.pk), with_curves) | {"is_on_front": candidate.pk in members}
        for candidate in shown
    ]


def _highest_fidelity(evaluations: QuerySet[Evaluation]) -> dict[int, Evaluation]:
    ordered = evaluations.order_by("fidelity", "number")
    return {evaluation.candidate_id: evaluation for evaluation in ordered if evaluation.candidate_id is not None}


def _facts(candidate: Candidate, evaluation: Evaluation | None, with_curves: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "number": candidate.number,
        "fingerprint": candidate.fingerprint,
        "genotype": candidate.genotype,
        "parents": candidate.parents,
        "change": candidate.change,
        "params": candidate.params,
        "macs": candidate.macs,
        "memory_bytes": candidate.memory_bytes,
        "generation": candidate.generation,
    }
    if evaluation is None:
        return facts | {"status": "proposed"}
    facts |= evaluation_facts(evaluation)
    if getattr(evaluation, "latency_how", None) == "modelled":
        facts["modelled"] = ["latency"]
    return facts | ({"curve": evaluation.curve} if with_curves else {})


def evaluation_facts(evaluation: Evaluation) -> dict[str, Any]:
    """What an evaluation adds to its candidate."""
    return {
        "status": evaluation.status,
        "fidelity": evaluation.fidelity,
        "values": evaluation.values,
        "reason": evaluation.reason,
        "seconds": evaluation.seconds,
        "cached": evaluation.is_cached,
        "test_accuracy": evaluation.test_accuracy,
    }
