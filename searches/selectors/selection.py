"""Choosing on the front of a run, for the page: the same functions as the engine and the command line, on the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from searches import objectives
from searches.engine.selection import ALL_ABSTAINED
from searches.formatting import figure
from searches.models import SearchRun
from searches.pareto import ChoiceError, knee, select_best, vote
from searches.selectors.metrics import noun_of

Entry = Mapping[str, Any]
STEP = 0.003  # of accuracy: what a little more of it costs
LIMIT = "limit."  # of a query: `limit.latency=2` keeps what takes at most 2 ms


@dataclass(frozen=True)
class Selection:
    """One of those of the front that keep the limits, and why."""

    number: int
    of: int
    reasons: list[str]


def choice_of(run: SearchRun, front: Sequence[Entry], query: Mapping[str, str]) -> Selection:
    """Selects by weights (`accuracy=.7`), a vote (`how=vote`) or the knee, within limits (`limit.latency=2`)."""
    names = run.spec["objectives"]
    kept = within(front, query, names)
    words: list[str] = []
    if query.get("how") == "vote" and kept:
        entry, words = voted(kept, names, (run.selection or {}).get("ballots", ()))
    else:
        entry = chosen_by(kept, parse_weights(query, names), names)
    return Selection(entry["number"], len(kept), [*words, *reasons(front, entry, names)])


def front_of(run: SearchRun) -> list[dict[str, Any]]:
    """The front as `front.json` has it: number, fingerprint and the values of the objectives, by number."""
    rows = run.evaluations.filter(is_on_front=True, status="done").order_by("number", "-fidelity")
    entries: dict[int, dict[str, Any]] = {}
    for number, fingerprint, values, test in rows.values_list("number", "fingerprint", "values", "test_accuracy"):
        chosen = {name: values[name] for name in run.spec["objectives"] if name in values}
        entry = {"number": number, "fingerprint": fingerprint, "values": chosen, "test_accuracy": test}
        entries.setdefault(number, entry)
    return list(entries.values())


def complete(front: Sequence[Entry], names: Sequence[str]) -> list[Entry]:
    """The members that have a value in every objective."""
    return [entry for entry in front if all(name in entry["values"] for name in names)]


def chosen_by(front: Sequence[Entry], weights: Mapping[str, float], names: Sequence[str]) -> Entry:
    """Selects by the weights; without any, the knee."""
    return select_best(front, **weights) if weights else knee(front, names)


def parse_weights(query: Mapping[str, str], names: Sequence[str]) -> dict[str, float]:
    """Reads weights out of a query; what is not an objective of the run is no weight.

    Raises ChoiceError where one is no number.
    """
    weights = {}
    for name in names:
        if name not in query:
            continue
        try:
            weights[name] = float(query[name])
        except ValueError:
            raise ChoiceError(f"the weight of {noun_of(name)} must be a number, but is {query[name][:40]!r}") from None
    return weights


def within(front: Sequence[Entry], query: Mapping[str, str], names: Sequence[str]) -> list[Entry]:
    """Returns the members that keep the query's limits: at most for a cost, at least for a gain.

    Raises ChoiceError where a limit is no number, or none of the front keeps them.
    """
    kept, asked = list(front), []
    for name in names:
        text = query.get(LIMIT + name, "").strip()
        if not text:
            continue
        try:
            bound = float(text)
        except ValueError:
            raise ChoiceError(
                f"the constraint on {noun_of(name)} must be a number, for example 0.18, but is {text[:40]!r}"
            ) from None
        objective = objectives.get(name)
        sign = "≥" if objective.direction == "maximise" else "≤"
        asked.append(f"{noun_of(name)} {sign} {figure(bound, objective.display_unit())}")
        known = [each for each in kept if name in each["values"]]
        kept = [each for each in known if objectives.loss(name, each["values"][name]) <= objectives.loss(name, bound)]
    if front and not kept:
        raise ChoiceError(f"no candidate on the front meets {' and '.join(asked)}; relax a constraint")
    return kept


def voted(
    front: Sequence[Entry], names: Sequence[str], ballots: Sequence[Mapping[str, Any]]
) -> tuple[Entry, list[str]]:
    """Counts the ballots that the engine's members cast; where all of them abstain, the knee is taken."""
    found = vote(front, names, [each["ranking"] for each in ballots])
    words = [f"{each['voter']} {each['reason']}" for each in ballots if not each["ranking"]]
    if found.points is None:
        return found.chosen, [*words, ALL_ABSTAINED if ballots else "no ballot was cast, so the knee is selected"]
    number = found.chosen["number"]
    ranks = [
        f"{each['voter']} ranks it {ranking.index(number) + 1}"
        for each, ranking in zip(ballots, found.rankings, strict=True)
        if number in ranking
    ]
    return found.chosen, [*words, f"{', '.join(ranks)} of {len(front)}"]


def prices(front: Sequence[Entry], entry: Entry, names: Sequence[str]) -> list[str]:
    """Returns what 0.3 % more accuracy costs from here, and what 0.3 % less would save."""
    if "accuracy" not in names or "accuracy" not in entry["values"]:
        return []
    mine = entry["values"]["accuracy"]
    known = [each for each in front if "accuracy" in each["values"]]
    above = [each for each in known if each["values"]["accuracy"] >= mine + STEP - 1e-12]
    below = [each for each in known if mine - 3 * STEP <= each["values"]["accuracy"] < mine]
    found = []
    if above:
        nearest = min(above, key=lambda each: (each["values"]["accuracy"], each["number"]))
        found.append(price(entry, nearest, names))
    if below:
        nearest = max(below, key=lambda each: (each["values"]["accuracy"], -each["number"]))
        found.append(price(entry, nearest, names))
    return found


def price(entry: Entry, other: Entry, names: Sequence[str]) -> str:
    """`+0.4 % accuracy (#12) costs 0.8 ms latency and 41 K parameters`."""
    gain = other["values"]["accuracy"] - entry["values"]["accuracy"]
    costs: list[str] = []
    saves: list[str] = []
    for name in names:
        if name == "accuracy" or name not in entry["values"] or name not in other["values"]:
            continue
        change = objectives.loss(name, other["values"][name]) - objectives.loss(name, entry["values"][name])
        words = f"{figure(abs(change), objectives.get(name).display_unit())} {noun_of(name)}"
        if change:
            (costs if change > 0 else saves).append(words)
    parts = [f"{verb} {' and '.join(words)}" for verb, words in (("costs", costs), ("saves", saves)) if words]
    sign = "+" if gain >= 0 else "−"
    return f"{sign}{abs(gain) * 100:.1f} % accuracy (#{other['number']}) {' and '.join(parts) or 'costs nothing'}"


def reasons(front: Sequence[Entry], entry: Entry, names: Sequence[str]) -> list[str]:
    """Returns what is given up and what is gained against the best of each objective, in words."""
    return [against_best(front, entry, name) for name in names if name in entry["values"]]


def against_best(front: Sequence[Entry], entry: Entry, name: str) -> str:
    objective = objectives.get(name)
    values = [each["values"][name] for each in front if name in each["values"]]
    best = max(values) if objective.direction == "maximise" else min(values)
    mine = entry["values"][name]
    if mine == best:
        return f"best {noun_of(name)} on the front"
    if objective.is_share():
        return f"{abs(best - mine) * 100:.1f} percentage points below the best {noun_of(name)}"
    if not best:
        return f"{noun_of(name)} above the least"
    ratio = mine / best
    return f"{ratio:,.0f} × the least {noun_of(name)}" if ratio >= 10 else f"{ratio:.1f} × the least {noun_of(name)}"
