"""What the rows of a run hold already, remembered by whoever holds its lease.

Under a token nobody else adds candidates or results: read once, the database need not be asked again for each event.
"""

from collections.abc import Iterable

from searches.models import Candidate, Evaluation


class Known:
    """Candidates by number, results by job; read when they are first asked for."""

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id
        self._is_read = False
        self._candidates: dict[int, int] = {}  # primary keys by number
        self._jobs: set[tuple[int, int]] = set()

    def candidate(self, number: int) -> int | None:
        """Its primary key."""
        self._read()
        return self._candidates.get(number)

    def has_result(self, number: int, fidelity: int) -> bool:
        self._read()
        return (number, fidelity) in self._jobs

    def learn(self, candidates: Iterable[Candidate], evaluations: Iterable[Evaluation]) -> None:
        """Rows that were committed."""
        self._candidates.update((each.number, each.pk) for each in candidates)
        self._jobs.update((each.number, each.fidelity) for each in evaluations)

    def _read(self) -> None:
        if self._is_read:
            return
        self._candidates.update(Candidate.objects.filter(run_id=self.run_id).order_by().values_list("number", "pk"))
        jobs = Evaluation.objects.filter(run_id=self.run_id).order_by()
        self._jobs.update(jobs.values_list("number", "fidelity"))
        self._is_read = True
