"""A finished run with everything that a page can show, written as rows: 100,000 candidates take seconds, not days.

python -m tests.support.showcase EVALUATIONS     into the portal of NASPORTAL_DATA; prints the number of the run
"""

import json
import math
import os
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from random import Random
from typing import Any

from architectures import spaces
from architectures.ir import compact
from architectures.ir.complexity import complexity
from architectures.ir.fingerprint import fingerprint

SHAPE, CLASSES = (1, 8, 8), 10
POPULATION = 12
OBJECTIVES = ["accuracy", "latency", "params"]
MEMBERS = ("nsga2", "predictor", "reinforce")
EDGES = ("layer1", "layer2", "layer3", "layer4")
OPERATIONS = ("conv3x3", "conv5x5", "sep_conv3x3", "max_pool", "skip_connect")
BEGAN = datetime.fromisoformat("2026-11-02T09:00:00+00:00")
ROWS = 2_000  # in one insert
RETOLD_AT_MOST = 1_000
EVALUATORS = 4


@cache
def networks(count: int = 60) -> list[dict[str, Any]]:
    """Real networks of the space, which the candidates share."""
    space = spaces.create("chain", SHAPE, CLASSES)
    found = []
    for number in range(count):
        genotype = space.sample(Random(f"showcase/{number}"))
        graph = space.decode(genotype)
        costs = complexity(graph)
        found.append(
            {
                "genotype": list(genotype), "graph": compact.dumps(graph), "fingerprint": fingerprint(graph),
                "params": costs.params, "macs": costs.macs, "memory_bytes": costs.activation_peak_bytes,
            }
        )  # fmt: skip
    return found


def showcase(
    project: Any, by: Any, evaluations: int = 96, name: str = "Showcase", seed: int = 1, **changes: Any
) -> Any:
    """The run; `changes` go into its spec."""
    from searches.models import Event, SearchRun
    from searches.spec import SearchSpec

    document = {
        "evaluations": evaluations, "seed": seed, "objectives": OBJECTIVES, "algorithm": "portfolio",
        "algorithm_options": {"population": POPULATION}, "limits": {"max_params": 400_000},
    } | changes  # fmt: skip
    spec = SearchSpec.from_document(document).to_document()
    # Not by the service: a worker would take up a run that is queued.
    run = SearchRun.objects.create(project=project, name=name, spec=spec, created_by=by, status="finished", seq=1)
    Event.objects.create(
        run=run, seq=1, kind="StatusChanged", payload={"status": "queued", "by": "", "reason": ""}, at=BEGAN
    )
    fill(run, evaluations, Random(seed))
    return SearchRun.objects.get(pk=run.pk)


def fill(run: Any, evaluations: int, random: Random) -> None:
    """Candidates, evaluations, generations and events of a search that found better ones as it went on."""
    from searches.models import Candidate, Evaluation, SearchRun

    rows = [candidate(run, number, random) for number in range(evaluations)]
    insert(Candidate, (row for row, _ in rows))
    stored = dict(run.candidates.values_list("number", "pk"))
    results = [evaluation(run, stored[row.number], row, accuracy, evaluations, random) for row, accuracy in rows]
    ladder = [each for each in promoted(results, random) if each is not None]
    front = mark_front(ladder)
    insert(Evaluation, [*results, *ladder])
    if evaluations <= RETOLD_AT_MOST:  # when a row was made is overwritten by its insert
        Evaluation.objects.bulk_update(in_turn([*results, *ladder]), ["created"], batch_size=200)
    generations(run, results)
    tell(run, ladder)
    accuracies = [each.accuracy for each in results if each.accuracy is not None]
    chosen = front[len(front) // 2]
    SearchRun.objects.filter(pk=run.pk).update(
        status="finished", phase="code", header=header(run), started=BEGAN, finished=BEGAN + timedelta(hours=1),
        worked_seconds=3400.0, evaluations_done=evaluations, evaluations_total=evaluations,
        evaluations_failed=sum(each.status == "failed" for each in results), duplicates=17, refused=9,
        front_size=len(front), best_accuracy=max(accuracies), chosen_number=chosen, history_sha256="a1" * 32,
        reason="all evaluations are done",
        selection={"chosen": chosen, "front": front, "how": "knee", "reasons": [], "fidelity": 15},
    )  # fmt: skip


def in_turn(rows: Sequence[Any]) -> Sequence[Any]:
    """Each when one of a few evaluators was free."""
    free = [0.0] * EVALUATORS
    for row in rows:
        first = free.index(min(free))
        free[first] += row.seconds + 0.2
        row.created = BEGAN + timedelta(seconds=free[first])
    return rows


def insert(model: Any, rows: Any) -> None:
    waiting = iter(rows)
    while part := list(islice(waiting, ROWS)):
        model.objects.bulk_create(part)


def candidate(run: Any, number: int, random: Random) -> tuple[Any, float]:
    """The row, and how good the network is."""
    from searches.models import Candidate

    known = networks()
    # Later generations draw from the better ones.
    place = int(random.random() ** (1 + number / 40) * len(known)) if number < 400 else random.randrange(len(known))
    network = known[place]
    parents = [random.randrange(number) for _ in range(2)] if number >= POPULATION else []
    member = MEMBERS[number % len(MEMBERS)]
    change = f"{member}: layer {1 + number % 4}: conv3x3 → sep_conv3x3" if parents else "drawn at random"
    row = Candidate(
        run=run, number=number, parents=parents, change=change, generation=number // POPULATION,
        fingerprint=network["fingerprint"] if number < len(known) else f"{number:032x}",
        **{key: network[key] for key in ("genotype", "graph", "memory_bytes")},
        params=int(network["params"] * (1 + number % 97 / 1000)), macs=int(network["macs"] * (1 + number % 89 / 1000)),
    )  # fmt: skip
    return row, 0.6 + 0.37 * (1 - math.exp(-row.params / 40_000)) + random.gauss(0, 0.01)


def evaluation(run: Any, key: int, row: Any, accuracy: float, evaluations: int, random: Random) -> Any:
    from searches.models import Evaluation

    fails = row.number % 31 == 30
    accuracy = min(0.995, accuracy)
    seconds = 4.0 + row.params / 20_000 + random.random()
    reason = "the loss is not finite" if row.number % 2 else "needed more than 2.15 GB to train"
    values = {"accuracy": accuracy, "latency": 0.2 + row.macs / 4e6 + random.random() / 20, "params": float(row.params)}
    curve = [[epoch, 2.0 / epoch, accuracy * (1 - 0.5 / epoch)] for epoch in range(1, 6)]
    return Evaluation(
        run=run, candidate_id=key, number=row.number, fidelity=5, fingerprint=row.fingerprint,
        line=json.dumps({"number": row.number, "fidelity": 5}),
        status="failed" if fails else "done", reason=reason if fails else "", values={} if fails else values,
        accuracy=None if fails else accuracy, seconds=seconds, timing={"seconds": seconds, "cost": row.macs},
        curve=[] if fails else curve, created=BEGAN + timedelta(seconds=3400 * (row.number + 1) / evaluations),
    )  # fmt: skip


def promoted(results: Sequence[Any], random: Random) -> list[Any]:
    """For each result its evaluation with more epochs, or None: one in four is worth it."""
    from searches.models import Evaluation

    found: list[Any] = []
    for each in results:
        if each.status == "failed" or each.number % 4 or each.number > 400:
            found.append(None)
            continue
        accuracy = min(0.996, each.accuracy + 0.01)
        curve = [[epoch, 1.5 / epoch, accuracy * (1 - 0.45 / epoch)] for epoch in range(1, 16)]
        found.append(
            Evaluation(
                run=each.run, candidate_id=each.candidate_id, number=each.number, fidelity=15,
                line=json.dumps({"number": each.number, "fidelity": 15}),
                fingerprint=each.fingerprint, status="done", values=each.values | {"accuracy": accuracy},
                accuracy=accuracy, seconds=3 * each.seconds, timing={"seconds": 3 * each.seconds}, curve=curve,
                created=each.created + timedelta(seconds=40 + random.random()),
            )
        )  # fmt: skip
    return found


def mark_front(ladder: Sequence[Any]) -> list[int]:
    """The numbers that nothing dominates, among those that were trained longest."""
    from searches import objectives, pareto

    members = [ladder[index] for index in pareto.front([objectives.losses(OBJECTIVES, each.values) for each in ladder])]
    for each in members:
        each.is_on_front = True
    return [each.number for each in members]


def generations(run: Any, results: Sequence[Any]) -> None:
    from searches import objectives, pareto
    from searches.models import Generation, SearchRun

    count = -(-len(results) // POPULATION)
    rows, archive = [], []
    for number in range(count):
        fresh = [each for each in results[number * POPULATION : (number + 1) * POPULATION] if each.status == "done"]
        archive = [*archive, *fresh]
        losses = [objectives.losses(OBJECTIVES, each.values) for each in archive]
        archive = [archive[index] for index in pareto.front(losses)]
        volume = pareto.hypervolume([objectives.losses(OBJECTIVES, each.values) for each in archive], (0.0, 3.0, 4e5))
        rows.append(
            Generation(
                run=run, number=number, evaluated=min(len(results), (number + 1) * POPULATION),
                hypervolume=volume / 1.2e6, front=[each.number for each in archive],
                best={"accuracy": max(each.accuracy for each in archive)},
                mean={"accuracy": sum(each.accuracy for each in fresh) / max(1, len(fresh))},
                at=BEGAN + timedelta(seconds=3400 * (number + 1) / count), fidelity=5, **insight(number, count),
            )
        )  # fmt: skip
    insert(Generation, rows)
    SearchRun.objects.filter(pk=run.pk).update(generation=count - 1, hypervolume=rows[-1].hypervolume)


def insight(number: int, count: int) -> dict[str, Any]:
    """What portfolio, controller and predictor say of themselves."""
    share = number / max(1, count - 1)
    credit = {"nsga2": 0.5 - 0.2 * share, "predictor": 0.3 + 0.3 * share, "reinforce": 0.2 - 0.1 * share}
    controller = {"reward": 0.5 + 0.4 * share, "baseline": 0.48 + 0.38 * share, "entropy": 2.0 - 1.2 * share}
    return {"insight": {"credit": credit, "error": 0.05 - 0.03 * share, **controller}}


def tell(run: Any, ladder: Sequence[Any]) -> None:
    """Steps of a supernet, and events of promotions and stages."""
    from searches.models import Event, SearchRun, Step

    told: list[tuple[str, dict[str, Any]]] = [("SearchStarted", {"header": header(run)})]
    told += [
        ("CandidatePromoted", {"number": each.number, "fidelity": 5, "to": 15, "reason": "rank 0, hypervolume .02"})
        for each in ladder[:50]
    ]
    told += [
        ("StageChanged", stage(0, "coarse", "depth and width first", ["stage1.layer1.operation: frozen at conv3x3"])),
        (
            "StageChanged",
            stage(48, "fine", "the front did not move for 3 generations", ["stage1.layer1.operation: opened"]),
        ),
    ]
    rows = [
        Event(run=run, seq=place + 2, kind=kind, payload=payload, at=BEGAN + timedelta(seconds=place))
        for place, (kind, payload) in enumerate(told)
    ]
    insert(Event, rows)
    insert(
        Step,
        (Step(run=run, number=10_000_000 + epoch, line="{}", seconds=6.0, **step(epoch, 12)) for epoch in range(12)),
    )
    SearchRun.objects.filter(pk=run.pk).update(seq=len(rows) + 1, steps_done=12)


def stage(number: int, name: str, reason: str, changes: list[str]) -> dict[str, Any]:
    return {"stage": int(number > 0), "number": number, "name": name, "reason": reason, "changes": changes}


def step(epoch: int, epochs: int) -> dict[str, Any]:
    """A supernet's epoch whose distributions sharpen."""
    alphas = {}
    for place, edge in enumerate(EDGES):
        raw = [math.exp((1.0 if index == (place + 2) % 5 else 0.1 * index) * epoch / 4) for index in range(5)]
        alphas[edge] = [each / sum(raw) for each in raw]
    report = {
        "epoch": epoch + 1, "epochs": epochs, "loss": 2.0 / (epoch + 1), "accuracy": 0.9 - 0.6 / (epoch + 1),
        "temperature": 5.0 - 0.35 * epoch, "alphas": alphas, "operations": list(OPERATIONS),
        "skip_share": 0.2 + 0.01 * epoch, "eigenvalue": 0.1 + 0.02 * epoch, "warning": "",
    }  # fmt: skip
    return {"step": "darts", "report": report, "status": "done"}


def header(run: Any) -> dict[str, Any]:
    data = {"name": "digits", "source": "scikit-learn load_digits", "input_shape": list(SHAPE), "classes": CLASSES,
            "sizes": {"train": 1079, "validation": 359, "test": 359}}  # fmt: skip
    return {"version": 1, "spec": run.spec, "data": data, "machine": {"kind": "a showcase"}}


def main() -> int:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nasportal.settings")
    django.setup()
    from django.contrib.auth.models import User

    from searches import services
    from searches.models import Project

    owner = User.objects.earliest("pk")
    project = Project.objects.filter(name="Showcase").first() or services.project_create(owner=owner, name="Showcase")
    number, seed = int(sys.argv[1]), Project.objects.get(pk=project.pk).runs.count() + 1
    print(showcase(project, owner, number, name=f"Showcase of {number:,}", seed=seed).pk)
    return 0


if __name__ == "__main__":
    sys.exit(main())
