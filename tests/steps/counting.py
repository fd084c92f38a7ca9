"""A step for tests: counts on from the state of the step before it, and fails where it is told to."""

import json
from typing import Any

from searches.evaluation.job import StepJob, StepResult


def perform(job: StepJob, state: bytes | None, watch: Any) -> StepResult:
    if job.options.get("fails"):
        raise MemoryError("out of memory")
    before = json.loads(state) if state is not None else {"count": 0, "sum": 0}
    after = {"count": before["count"] + 1, "sum": before["sum"] + job.options["amount"] + job.seed % 7}
    return StepResult(after, json.dumps(after).encode(), cost=1000)
