"""Everything that a live page needs at its start; the events after `seq` go on from there.

The row of the run is read first, so that its counters fit its `seq`. Candidates that are read later may be ahead of
it: an event that is applied once more sets the same candidate to the same values.
"""

from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from searches import objectives
from searches.models import Candidate, CandidateRepository, Evaluation, SearchRun
from searches.models.run_events import KEPT

SHOWN_AT_MOST = 1000  # candidates beside the front; the page says "n of N"
GENERATIONS_AT_MOST = 400
CURVES_AT_MOST = 300  # above that many candidates a curve is fetched when it is looked at
RUN_FIELDS = (
    "id", "name", "status", "phase", "reason", "spec", "header", "created", "started", "finished", "worked_seconds",
    "evaluations_total", "evaluations_done", "evaluations_failed", "evaluations_cached", "promotions_done",
    "steps_done", "cost", "duplicates", "refused", "generation", "hypervolume", "front_size", "best_accuracy",
    "chosen_number", "selection", "supernet", "history_sha256",
)  # fmt: skip
CANDIDATE_FIELDS = ("pk", "number", "change", "params", "macs", "memory_bytes", "generation")
EVALUATION_FIELDS = ("status", "fidelity", "values", "reason", "seconds", "is_cached", "test_accuracy")


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
    """Returns which candidates' repositories were asked for, in that order."""
    links = CandidateRepository.objects.filter(candidate__run=run).order_by("pk")
    return [
        {"number": number, "repository": key} for number, key in links.values_list("candidate__number", "repository")
    ]


def run_facts(run: SearchRun) -> dict[str, Any]:
    """The row of a run without what only its supervisor needs."""
    facts = {name: getattr(run, name) for name in RUN_FIELDS}
    for name in ("created", "started", "finished"):
        facts[name] = facts[name].isoformat() if facts[name] else None
    return kept_facts(run) | facts | {"project": {"slug": run.project.slug, "name": run.project.name}}


def kept_facts(run: SearchRun) -> dict[str, Any]:
    """Returns the newest event of each kind that is kept, under the kind's own name for it; a column goes before it."""
    names = {kind: name for kind, name in KEPT.items() if name not in RUN_FIELDS}
    told = run.events.filter(kind__in=names).order_by("seq").values_list("kind", "payload") if names else ()
    return dict.fromkeys(names.values()) | {names[kind]: payload for kind, payload in told}


def shown_candidates(run: SearchRun, total: int) -> QuerySet[Candidate]:
    """All of them; of very many the front and an even sample."""
    if total <= SHOWN_AT_MOST:
        return run.candidates.all()
    stride = -(-total // SHOWN_AT_MOST)
    front = run.evaluations.filter(is_on_front=True).values("candidate_id")
    return run.candidates.alias(place=F("number") % stride).filter(Q(place=0) | Q(pk__in=front))


def candidate_facts(run: SearchRun, shown: QuerySet[Candidate], *, with_curves: bool) -> list[dict[str, Any]]:
    """Each candidate with its evaluation of the highest fidelity, ordered by number."""
    rows = list(shown.order_by("number").values(*CANDIDATE_FIELDS))
    wanted = run.evaluations.filter(candidate__isnull=False)
    if len(rows) < run.candidates.count():
        wanted = wanted.filter(candidate__in=shown)
    # How the latency came about is all that is read of the timing, which is large.
    names = (*EVALUATION_FIELDS, *(("curve",) if with_curves else ()))
    results = wanted.order_by("fidelity", "number").annotate(latency_how=F("timing__latency__how"))
    best = {row["candidate_id"]: row for row in results.values("candidate_id", "latency_how", *names)}
    # The front is of one fidelity; some of its members may have been trained further since.
    members = set(run.evaluations.filter(is_on_front=True).values_list("candidate_id", flat=True))
    return [_facts(row, best.get(row["pk"]), row["pk"] in members) for row in rows]


def _facts(candidate: dict[str, Any], result: dict[str, Any] | None, is_on_front: bool) -> dict[str, Any]:
    facts = {name: value for name, value in candidate.items() if name != "pk"}
    facts |= {"is_on_front": is_on_front, "status": "proposed"}
    if result is None:
        return facts
    facts |= {name: value for name, value in result.items() if name not in ("candidate_id", "latency_how", "is_cached")}
    facts["cached"] = result["is_cached"]
    return facts | ({"modelled": ["latency"]} if result["latency_how"] == "modelled" else {})


def evaluation_facts(evaluation: Evaluation) -> dict[str, Any]:
    """Returns what an evaluation adds to its candidate."""
    facts = {name: getattr(evaluation, name) for name in EVALUATION_FIELDS if name != "is_cached"}
    return facts | {"cached": evaluation.is_cached}
