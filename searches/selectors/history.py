"""The accepted history of a run, as an engine and a file take it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from searches.engine import history
from searches.models import SearchRun


def history_of(run: SearchRun) -> list[dict[str, Any]]:
    """The accepted results in their order, with their files, as an engine takes them up again."""
    rows = [*run.evaluations.values("line", "timing", "curve", "files"), *run.steps.values("line", "timing", "files")]
    return sorted((history_entry(row) for row in rows), key=history.position)


def history_jsonl(run: SearchRun) -> Iterator[str]:
    """The lines of history.jsonl: the header, then each accepted result with its timing."""
    yield history.dumps(run.header or {}) + "\n"
    rows = [*run.evaluations.values("line", "timing"), *run.steps.values("line", "timing")]
    for entry in sorted((history_entry(row) for row in rows), key=history.order):
        yield history.dumps(entry) + "\n"


def history_entry(row: Mapping[str, Any]) -> dict[str, Any]:
    """A line with what is stored beside it."""
    beside = {name: value for name, value in row.items() if name != "line"}
    return json.loads(row["line"]) | beside  # type: ignore[no-any-return]  # a line is a JSON object
