"""The choice at the end of a search, with its reasons in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from searches import objectives
from searches.algorithms.algorithm import Ballot, Evaluated
from searches.engine.archive import Archive
from searches.pareto import SelectionRule, knee, select_best, vote
from searches.spec import SearchSpec

ALL_ABSTAINED = "all abstained, so the knee is selected"


def choose(
    spec: SearchSpec, front: Sequence[Evaluated], archive: Archive, ballots: Sequence[Ballot]
) -> tuple[int, list[str]]:
    """The number chosen of a front that is not empty, and why."""
    entries = [entry(each, archive) for each in front]
    choice = SelectionRule.parse(spec.choose)
    if choice.how == "vote":
        return voted(entries, spec.objectives, ballots)
    if choice.how == "knee":
        best = knee(entries, spec.objectives)
        why = "nearest to the ideal point, each objective scaled to 0-1 over the front"
    else:
        best = select_best(entries, **choice.weights)
        why = f"highest weighted sum ({choice}), each objective scaled to 0-1 over the front"
    return best["number"], [why, f"of {len(entries)} on the front", described(best, spec.objectives)]


def why_none(lines: Sequence[Mapping[str, Any]], refusal: str) -> str:
    """Says why a front is empty, from its history's lines and the last refusal of a network that was drawn."""
    evaluated = [line for line in lines if "fidelity" in line]
    if not evaluated and refusal:
        return f"no candidate meets the constraints (of the last one drawn, {refusal}); relax them or widen the space"
    if not evaluated:
        return "nothing was evaluated; allow more time or evaluations"
    if all(line["status"] != "done" for line in evaluated):
        return f"no evaluation succeeded (the last one: {evaluated[-1]['reason']})"
    return "no candidate meets the constraints; relax them or allow more evaluations"


def entry(each: Evaluated, archive: Archive) -> dict[str, Any]:
    return {
        "number": each.number,
        "fingerprint": each.fingerprint,
        "values": archive.values[each.number, each.fidelity],
    }


def voted(
    entries: Sequence[Mapping[str, Any]], names: Sequence[str], ballots: Sequence[Ballot]
) -> tuple[int, list[str]]:
    """Borda count over those who have a ranking; the knee where all abstain."""
    reasons = [f"{ballot.voter}: {ballot.reason}" for ballot in ballots]
    found = vote(entries, names, [ballot.ranking for ballot in ballots])
    tally = f"{found.points} points of {found.ballots} ballots on {len(entries)} candidates"
    why = ALL_ABSTAINED if found.points is None else tally
    return found.chosen["number"], [*reasons, why, described(found.chosen, names)]


def described(best: Mapping[str, Any], names: Sequence[str]) -> str:
    parts = [f"{name} {best['values'][name]:.6g} {objectives.get(name).unit}".strip() for name in names]
    return ", ".join(parts)
