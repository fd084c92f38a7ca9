"""The pairwise questions about a run's front, for the page and the API."""

from collections.abc import Sequence
from typing import Any

from searches.formatting import figure
from searches.models import SearchRun
from searches.pareto.preferences import elicit, parse_answers
from searches.selectors.metrics import measures_of
from searches.selectors.selection import complete, front_of, reasons

TOO_FEW = "There are not two candidates to compare yet."


def question_of(run: SearchRun, answers: Sequence[str]) -> dict[str, Any] | None:
    """The next question after the answers so far (`3>5`), and the choice they make; None without two candidates."""
    measures = [measure for measure in measures_of(run.spec) if measure.is_objective]
    names = run.spec["objectives"]
    front = complete(front_of(run), names)
    if len(front) < 2:
        return None
    known = elicit(front, names, parse_answers(answers))
    sides = [
        {
            "number": entry["number"],
            "figures": [[measure.title, figure(entry["values"][measure.name], measure.unit)] for measure in measures],
        }
        for entry in known.question or ()
    ]
    return {
        "question": sides,
        "number": known.chosen["number"],
        "weights": {name: round(weight, 2) for name, weight in known.weights.items()},
        "contradicted": known.contradicted,
        "reasons": reasons(front, known.chosen, names),
    }
