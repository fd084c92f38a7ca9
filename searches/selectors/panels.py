"""What the tabs of a run page show beside the snapshot: asked for when they are first looked at, each bounded.

A run may have 100,000 candidates: what is drawn is then an even sample, and says "n of N".
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from django.db.models import Count, Max, Min, QuerySet

from architectures import spaces
from architectures.spaces import Space, SpaceError
from searches.engine.random_control import share
from searches.models import Evaluation, Generation, SearchRun

SHOWN_AT_MOST = 2000  # bars of the timeline
GENOTYPES_AT_MOST = 6000
COLUMNS_AT_MOST = 40  # of the heat map: beyond that, generations share a column
TOLD_AT_MOST = 1000  # steps and promotions, the newest
CURVES_AT_MOST = 24
REASONS_AT_MOST = 30


def timeline(run: SearchRun) -> dict[str, Any]:
    """Shows the newest evaluations as bars: which evaluator did what when.

    Rows are filled as evaluators were free, so a row is an evaluator where the engine names it, and else one of as many
    as worked at the same time.
    """
    rows = run.evaluations.filter(is_cached=False, seconds__gt=0).order_by("-created")
    newest = rows.values_list("number", "fidelity", "status", "reason", "seconds", "created", "timing")[:SHOWN_AT_MOST]
    bars = []
    for number, fidelity, status, reason, seconds, ended, timing in newest:
        bar: dict[str, Any] = {"number": number, "fidelity": fidelity, "status": status, "reason": reason}
        bar["seconds"] = seconds
        bars.append(bar | {"ended": ended.timestamp(), "evaluator": timing.get("evaluator")})
    bars.sort(key=lambda bar: bar["ended"] - bar["seconds"])
    return {"bars": in_rows(bars), "total": rows.count(), "started": run.started.timestamp() if run.started else None}


def in_rows(bars: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each bar in the first row that was free when it began; a row named by the engine stays."""
    free: list[float] = []
    placed = []
    for bar in bars:
        began = bar["ended"] - bar["seconds"]
        row = bar.pop("evaluator")
        if row is None:
            # A result is committed a moment after it was measured: half a second of overlap is none.
            row = next((index for index, until in enumerate(free) if until <= began + 0.5), len(free))
        free += [0.0] * (row + 1 - len(free))
        free[row] = bar["ended"]
        placed.append(bar | {"row": row})
    return placed


def space_of(run: SearchRun) -> Space | None:
    """The search space with its decisions; None before the engine has seen the data."""
    data = (run.header or {}).get("data", {})
    if not data.get("input_shape") or not data.get("classes"):
        return None
    try:
        return spaces.create(run.spec["space"], data["input_shape"], data["classes"], **run.spec["space_options"])
    except (SpaceError, LookupError):
        return None


def space_use(run: SearchRun) -> dict[str, Any]:
    """Counts how often each choice was proposed, per generation and kind of decision (operation, width, …)."""
    space = space_of(run)
    candidates = run.candidates.filter(generation__isnull=False)
    total = candidates.count()
    if space is None or not total:
        return {"kinds": [], "shown": 0, "total": total, "columns": []}
    rows = sampled(candidates, total, GENOTYPES_AT_MOST).values_list("generation", "genotype")
    last = candidates.aggregate(most=Max("generation"))["most"]
    width = -(-(last + 1) // COLUMNS_AT_MOST)
    counts: dict[str, dict[str, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    shown = 0
    for generation, genotype in rows:
        shown += 1
        tally(space, genotype, generation // width, counts)
    columns = [column_title(index, width, last) for index in range(last // width + 1)]
    kinds = [kind_document(space, kind, choices, len(columns)) for kind, choices in counts.items()]
    return {"kinds": kinds, "shown": shown, "total": total, "columns": columns}


def tally(space: Space, genotype: Sequence[int], column: int, counts: dict[str, dict[str, Counter[int]]]) -> None:
    if len(genotype) != len(space.decisions):
        return
    relevant = space.relevant(tuple(genotype))
    for decision, value, matters in zip(space.decisions, genotype, relevant, strict=True):
        if matters:
            counts[kind_of(decision.name)][decision.choices[value]][column] += 1


def kind_of(name: str) -> str:
    """`stage1.layer2.operation` → operation; the edges of a cell choose operations, too."""
    return name.rpartition(".")[2] if "." in name else "operation"


def column_title(index: int, width: int, last: int) -> str:
    first, end = index * width + 1, min(last, (index + 1) * width - 1) + 1
    return str(first) if first == end else f"{first}–{end}"


def kind_document(space: Space, kind: str, counts: Mapping[str, Counter[int]], columns: int) -> dict[str, Any]:
    """Shares of each column, choice by choice in the order of the space."""
    order = dict.fromkeys(choice for each in space.decisions if kind_of(each.name) == kind for choice in each.choices)
    totals = [sum(each[column] for each in counts.values()) or 1 for column in range(columns)]
    shares = [
        [round(counts[name][column] / totals[column], 4) if name in counts else 0.0 for column in range(columns)]
        for name in order
    ]
    return {"kind": kind, "choices": list(order), "shares": shares}


def sampled(candidates: QuerySet[Any], total: int, most: int) -> QuerySet[Any]:
    """An even sample by number."""
    stride = -(-total // most)
    return candidates if stride == 1 else candidates.extra(where=["number %% %s = 0"], params=[stride])


def ladder(run: SearchRun) -> dict[str, Any]:
    """Returns how many candidates were measured at each fidelity, and how many of them went on to a higher one."""
    counts = run.evaluations.filter(candidate__isnull=False).values("fidelity", "status").annotate(count=Count("pk"))
    rungs: dict[int, dict[str, int]] = {}
    for each in counts.order_by("fidelity"):
        rung = rungs.setdefault(each["fidelity"], {"fidelity": each["fidelity"], "done": 0, "failed": 0, "cached": 0})
        rung["done" if each["status"] == "done" else "failed"] += each["count"]
    cached = run.evaluations.filter(is_cached=True).values("fidelity").annotate(count=Count("pk"))
    for known in cached.order_by("fidelity"):
        rungs[known["fidelity"]]["cached"] = known["count"]
    return {"rungs": list(rungs.values()), "moves": moves(run) if len(rungs) > 1 else []}


def moves(run: SearchRun) -> list[dict[str, int]]:
    climbed: dict[int, list[int]] = defaultdict(list)
    lowest = run.evaluations.aggregate(least=Min("fidelity"))["least"]
    higher = run.evaluations.filter(fidelity__gt=lowest, candidate__isnull=False).order_by("fidelity")
    for key, fidelity in higher.values_list("candidate_id", "fidelity"):
        climbed[key].append(fidelity)
    begun = run.evaluations.filter(fidelity=lowest, candidate_id__in=climbed).values_list("candidate_id", flat=True)
    for key in begun:
        climbed[key].insert(0, lowest)
    counted = Counter(step for path in climbed.values() for step in pairwise(path))
    return [{"source": source, "target": target, "count": count} for (source, target), count in sorted(counted.items())]


def learning(run: SearchRun) -> dict[str, Any]:
    """Accepted steps of the algorithm's own learning, and the stages of a progressive search: the newest of each."""
    rows = run.steps.order_by("-number")[:TOLD_AT_MOST].values("number", "step", "report", "status", "reason")
    told = run.events.filter(kind="StageChanged").order_by("-seq")[:TOLD_AT_MOST].frames()
    return {"seq": run.seq, "steps": list(rows)[::-1], "stages": told[::-1], "total": run.steps_done}


def control(run: SearchRun) -> dict[str, Any]:
    """The random search at equal cost, if there is one: the curve that this run has to beat."""
    other = run.controls.order_by("-pk").first()
    if other is None:
        return {"run": None, "generations": []}
    points = [
        {"number": row.number, "evaluated": row.evaluated, "at": row.at.isoformat() if row.at else None}
        | {"hypervolume": volume}
        for row, volume in control_volumes(run, other)
    ]
    facts = {"id": other.pk, "name": other.name, "status": other.status}
    facts |= {"started": other.started.isoformat() if other.started else None}
    return {"run": facts, "generations": points}


def control_volumes(run: SearchRun, other: SearchRun) -> Iterator[tuple[Generation, float]]:
    """The control's front, generation by generation, in the box of the search: two runs compare in one box only."""
    ended = run.events.filter(kind="SearchFinished").order_by("-seq").values_list("payload", flat=True).first()
    names, reference = run.spec["objectives"], (ended or {}).get("reference_point")
    rows = list(other.generations.order_by("number"))
    stride = -(-len(rows) // COLUMNS_AT_MOST) or 1
    shown = [row for index, row in enumerate(rows) if index % stride == 0 or index == len(rows) - 1]
    wanted = {number for row in shown for number in row.front}
    found = other.evaluations.filter(number__in=wanted, status="done").values_list("number", "fidelity", "values")
    values = {(number, fidelity): each for number, fidelity, each in found if all(name in each for name in names)}
    for row in shown:
        at = row.fidelity or max((fidelity for _, fidelity in values), default=0)
        yield row, share(names, [values[number, at] for number in row.front if (number, at) in values], reference)


def failures(run: SearchRun) -> list[dict[str, Any]]:
    """The failed evaluations, grouped by their reason, the most frequent first."""
    failed = run.evaluations.filter(status="failed")
    groups = failed.values("reason").annotate(count=Count("pk"), first=Min("number")).order_by("-count", "first")
    found: list[dict[str, Any]] = [dict(group) for group in groups[:REASONS_AT_MOST]]
    for group in found:
        numbers = failed.filter(reason=group["reason"], candidate__isnull=False).order_by("number")
        group["numbers"] = list(numbers.values_list("number", flat=True)[:8]) if len(found) <= 8 else [group["first"]]
    return found


CURVE_ORDERS: Mapping[str, tuple[str, ...]] = {
    "best": ("-accuracy", "number"),
    "newest": ("-pk",),
    "front": ("-is_on_front", "number"),
}


def curves(run: SearchRun, order: str) -> tuple[Sequence[Evaluation], int]:
    """Evaluations with a learning curve, as many as small plots fit on a screen; and how many there are."""
    known = run.evaluations.filter(candidate__isnull=False, accuracy__isnull=False)
    if order == "front":
        known = known.filter(is_on_front=True)
    rows = known.defer("line", "timing", "files").order_by(*CURVE_ORDERS[order])[:CURVES_AT_MOST]
    return [row for row in rows if row.curve], known.count()
