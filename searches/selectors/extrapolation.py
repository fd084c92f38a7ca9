"""What networks of a ladder's lower rungs would reach on its highest: extrapolated, and never shown as measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from searches.evaluation.curves import LEAST_PAST, Beginning, CurveExtrapolator
from searches.evaluation.fidelity import Ladder
from searches.models import SearchRun

LEARNT_FROM = 200  # networks that were trained on both rungs, the newest ones


@dataclass(frozen=True)
class ExtrapolatedAccuracy:
    """An accuracy that nobody measured: from the training at ``fidelity`` to the rung of ``to`` epochs."""

    fidelity: int
    to: int
    accuracy: float
    low: float
    high: float
    level: float  # share of the truths that the interval is to hold
    past: int  # networks that it was learned from

    def __str__(self) -> str:
        return f"≈ {100 * self.accuracy:.1f} ({100 * self.low:.1f}–{100 * self.high:.1f}) %"

    @property
    def explanation(self) -> str:
        return (
            f"Extrapolated from {self.fidelity} to {self.to} epochs, not measured: learned from {self.past} networks "
            f"that were trained on both; the interval is to hold the truth in {100 * self.level:.0f} of 100 cases"
        )


def extrapolated(run: SearchRun) -> dict[int, ExtrapolatedAccuracy]:
    """Extrapolates, by number, every network whose training ended below the highest rung, as far as the run allows."""
    rungs = trained_rungs(run.spec)
    if len(rungs) < 2:
        return {}
    begun, reached, finals = _measured(run, rungs)
    extrapolators = {rung: _extrapolator(rung, begun, finals) for rung in rungs[:-1]}
    found = {}
    for number, rung in reached.items():
        extrapolator, beginning = extrapolators.get(rung), begun[number][rung]
        if extrapolator is None or len(beginning.curve) != extrapolator.epochs:
            continue
        told = extrapolator(beginning)
        found[number] = ExtrapolatedAccuracy(rung, rungs[-1], told.accuracy, told.low, told.high, told.level, told.past)
    return found


def trained_rungs(spec: Mapping[str, Any]) -> tuple[int, ...]:
    """Epochs; a run of an earlier version has no ladder."""
    ladder = Ladder(**spec.get("ladder", {}))
    return ladder.epochs(spec["training"]["epochs"])


def _measured(
    run: SearchRun, rungs: tuple[int, ...]
) -> tuple[dict[int, dict[int, Beginning]], dict[int, int], dict[int, float]]:
    """Trainings by number and rung, the highest rung of each number, and the accuracies of the highest rung."""
    rows = run.evaluations.filter(status="done", fidelity__in=rungs, candidate__isnull=False)
    rows = rows.order_by("number", "fidelity")
    wanted = ("number", "fidelity", "accuracy", "curve", "candidate__params", "candidate__macs", "timing__synflow")
    found = list(rows.values_list(*wanted))
    knows_flow = all(row[-1] is not None for row in found)  # of runs of an earlier version it was not kept
    begun: dict[int, dict[int, Beginning]] = {}
    reached: dict[int, int] = {}
    finals: dict[int, float] = {}
    for number, fidelity, accuracy, curve, params, macs, flow in found:
        facts = (math.log1p(params), math.log1p(macs), *((float(flow),) if knows_flow else ()))
        begun.setdefault(number, {})[fidelity] = Beginning(curve, facts)
        reached[number] = fidelity
        if fidelity == rungs[-1] and accuracy is not None:
            finals[number] = accuracy
    return begun, reached, finals


def _extrapolator(
    rung: int, begun: Mapping[int, Mapping[int, Beginning]], finals: Mapping[int, float]
) -> CurveExtrapolator | None:
    past = [
        (begun[number][rung], final)
        for number, final in finals.items()
        if rung in begun[number] and len(begun[number][rung].curve) == rung
    ]
    return CurveExtrapolator(past[-LEARNT_FROM:]) if len(past) >= LEAST_PAST else None
