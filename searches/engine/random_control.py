"""The control of a search: random search at the same counted cost. Would it have done as well?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from searches import objectives, pareto
from searches.pareto.choice import SelectionRule
from searches.spec import MAX_COST, SearchSpec

ALGORITHM = "random_search"
MORE_NETWORKS = 20  # times the search's own: the cost has to end the control, cheap networks must not


def control_spec(spec: SearchSpec, cost: int) -> SearchSpec:
    """The same spec for random search, with what the search has spent as its budget."""
    return replace(
        spec,
        algorithm=ALGORITHM,
        algorithm_options={},
        evaluations=min(1_000_000, MORE_NETWORKS * spec.evaluations),
        max_cost=min(max(1, cost), MAX_COST),
        control=False,
        choose="knee" if SelectionRule.parse(spec.choose).how == "vote" else spec.choose,  # it has no ranking to cast
    )


def share(names: Sequence[str], front: Sequence[Mapping[str, float]], reference_point: Sequence[float] | None) -> float:
    """Hypervolume of a front's values in the box of a given reference point: two searches compare in one box only."""
    if reference_point is None or not front:
        return 0.0
    worst = [objectives.loss(name, bound) for name, bound in zip(names, reference_point, strict=True)]
    losses = [objectives.losses(names, values) for values in front]
    return pareto.share(losses, objectives.ideal_losses(names), worst)


def compared(front: Mapping[str, Any], control: Mapping[str, Any]) -> dict[str, Any]:
    """Two documents of front.json side by side, in the search's own box."""
    names, reference = front["spec"]["objectives"], front["reference_point"]
    ours, theirs = (share(names, [each["values"] for each in one["front"]], reference) for one in (front, control))
    return {
        "algorithm": ALGORITHM,
        "hypervolume": theirs,
        "search_hypervolume": ours,
        "evaluations": control["evaluations"],
        "cost": control["cost"],
        "history_sha256": control["history_sha256"],
    }
