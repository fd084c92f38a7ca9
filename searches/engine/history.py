"""The accepted history of a search: its lines, their canonical text, and the hash that two equal searches share."""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from searches.engine.events import EvaluationFinished, StepFinished

VERSION = 1
LINE = ("number", "fidelity", "fingerprint", "genotype", "parents", "change", "values", "status", "reason")
STEP = "step"  # the kind that a step's line has; other lines have none
STEP_LINE = ("kind", "number", "fidelity", "step", "options", "change", "report", "status", "reason", "cost")
MACHINE = "machine"  # the header's part that says where a search ran
PORTAL = "portal"  # in there: the version of the portal that began the search
WENT_ON = "went_on"  # in there: where a resumed search went on, if that was elsewhere
PLACE = "place"  # of a promotion, which keeps its candidate's number; other lines have none
TIMING = "timing"  # a line's part that says how long it took
FILES = "files"  # a line's part that says where the weights are


class HistoryError(ValueError):
    """A history that cannot be gone on with."""


def line(event: EvaluationFinished | StepFinished) -> dict[str, Any]:
    """The line of an accepted result, as ``history.jsonl`` holds it."""
    document = event.to_document()
    if isinstance(event, StepFinished):
        document |= {"kind": STEP, "fidelity": 0}
    return {name: document[name] for name in (*names(document), TIMING, FILES)}


def is_step(entry: Mapping[str, Any]) -> bool:
    return entry.get("kind") == STEP


def names(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns what a line of its kind must have."""
    if is_step(entry):
        return STEP_LINE
    return LINE if entry.get(PLACE) is None else (*LINE, PLACE)


def position(entry: Mapping[str, Any]) -> int:
    """Returns where the job of a line stands in the sequence: results are accepted in this order."""
    found: int = entry["number"] if entry.get(PLACE) is None else entry[PLACE]
    return found


def order(entry: Mapping[str, Any]) -> tuple[int, int]:
    return entry["number"], entry["fidelity"]


def canonical(entry: Mapping[str, Any]) -> str:
    """One line of text that is the same wherever and however fast the evaluation ran."""
    return dumps({name: value for name, value in entry.items() if name not in (TIMING, FILES, MACHINE)})


def no_longer_promised(begun: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Returns, in a sentence, what a search that goes on at these places no longer promises; empty where nothing."""
    if begun == now:
        return ""
    places = [{name: value for name, value in each.items() if name not in (PORTAL, WENT_ON)} for each in (begun, now)]
    if places[0] != places[1]:
        return "this machine or torch build is another one: the same results, bit for bit, are not promised"
    before = begun.get(PORTAL, "an earlier version")
    return (
        f"this search began under {before} of the portal and continues under {now.get(PORTAL)}: its history hash is no "
        "longer comparable with that of a search that ran under one version"
    )


def dumps(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def history_sha256(lines: Iterable[Mapping[str, Any]], header: Mapping[str, Any]) -> str:
    """Over the canonical header and lines, ordered by number and fidelity; a line may hold more than it needs."""
    digest = sha256(canonical(header).encode() + b"\n")
    for entry in sorted(lines, key=order):
        digest.update(canonical({name: entry[name] for name in names(entry)}).encode() + b"\n")
    return digest.hexdigest()


def lines_sha256(texts: Iterable[str], header: Mapping[str, Any]) -> str:
    """The same hash from lines that are canonical text already."""
    digest = sha256(canonical(header).encode() + b"\n")
    for text in texts:
        digest.update(text.encode() + b"\n")
    return digest.hexdigest()


def read(text: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Reads header and lines of a ``history.jsonl``, these in the order in which they were accepted.

    A file that grows is in that order, a finished one in the order of number and fidelity. A last line that was cut
    off by a kill is left out. Raises HistoryError where the header is missing or of another version, or the order is
    wrong.
    """
    rows = text.split("\n")
    whole, rest = rows[:-1], rows[-1]
    entries = [parse(row, index + 1) for index, row in enumerate(whole)]
    if not entries:
        raise HistoryError(f"history.jsonl has no complete header line, only {rest[:40]!r}; start a new search")
    header, *lines = entries
    if header.get("version") != VERSION:
        raise HistoryError(f"history.jsonl has version {header.get('version')!r}, but this program reads {VERSION}")
    accepted = sorted(lines, key=position)
    if lines not in (accepted, sorted(lines, key=order)):
        raise HistoryError("the lines of history.jsonl are not ordered by number and fidelity; it was edited")
    return header, accepted


def parse(row: str, number: int) -> dict[str, Any]:
    """Reads a line. Raises HistoryError where it is no JSON object or lacks a field."""
    try:
        entry = json.loads(row)
    except json.JSONDecodeError as error:
        raise HistoryError(f"line {number} of history.jsonl is not JSON: {error}") from error
    if not isinstance(entry, dict):
        raise HistoryError(f"line {number} of history.jsonl is not a JSON object")
    if number > 1 and (missing := sorted({*names(entry), TIMING} - entry.keys())):
        raise HistoryError(f"line {number} of history.jsonl lacks {', '.join(missing)}")
    return entry
