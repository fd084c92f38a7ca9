"""What the rows of a run hold already, remembered by the holder of its lease.

Under a token nobody else counts, or adds candidates or results: read once, the database need not be asked again for
each event.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from searches.models import Candidate, Evaluation, SearchRun

DOCUMENTS = ("spec", "header", "selection")  # few events read one: decoded where one does


class RowCache:
    """The run with its counters, its candidates by number, results by job; each read when it is first asked for."""

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id
        self._run: SearchRun | None = None
        self._is_read = False
        self._candidates: dict[int, int] = {}  # primary keys by number
        self._jobs: set[tuple[int, int]] = set()

    def run(self) -> SearchRun:
        if self._run is None:
            self._run = SearchRun.objects.defer(*DOCUMENTS).get(pk=self.run_id)
        return self._run

    def candidate(self, number: int) -> int | None:
        """Its primary key."""
        self._read()
        return self._candidates.get(number)

    def has_result(self, number: int, fidelity: int) -> bool:
        self._read()
        return (number, fidelity) in self._jobs

    def learn(
        self, candidates: Iterable[Candidate], evaluations: Iterable[Evaluation], changes: Mapping[str, Any]
    ) -> None:
        """Rows that were committed, and what changed of the run itself."""
        for name, value in changes.items():
            setattr(self.run(), name, value)
        self._candidates.update((each.number, each.pk) for each in candidates)
        self._jobs.update((each.number, each.fidelity) for each in evaluations)

    def _read(self) -> None:
        if self._is_read:
            return
        self._candidates.update(Candidate.objects.filter(run_id=self.run_id).order_by().values_list("number", "pk"))
        jobs = Evaluation.objects.filter(run_id=self.run_id).order_by()
        self._jobs.update(jobs.values_list("number", "fidelity"))
        self._is_read = True
