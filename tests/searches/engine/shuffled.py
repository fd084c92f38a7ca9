"""An executor that answers in any order: what a search must not depend on."""

from collections.abc import Mapping
from random import Random
from typing import Any

from searches.engine.executors.executor import Job, Message
from tests.support.formula import FormulaExecutor


class ShuffledExecutor(FormulaExecutor):
    """Takes several jobs at once and finishes a random one of them next."""

    def __init__(
        self,
        workers: int,
        seed: int = 0,
        fails: frozenset[int] = frozenset(),
        *,
        differing: bool = False,  # accuracy depends on the training's seed
        **values: float,
    ) -> None:
        super().__init__(fails)
        self.workers = workers
        self.random = Random(seed)
        self.jobs: list[Job] = []
        self.done: list[tuple[str, int]] = []
        self.seen: list[Job] = []
        self.differing = differing
        self.values: Mapping[str, Any] = values
        self.is_closed = False

    @property
    def room(self) -> int:
        return self.workers - len(self.jobs)

    def submit(self, job: Job) -> None:
        assert self.room > 0
        self.jobs.append(job)
        self.seen.append(job)

    def receive(self, timeout: float) -> Message | None:
        if not self.jobs:
            return None
        job = self.jobs.pop(self.random.randrange(len(self.jobs)))
        self.done.append((job["kind"], job["number"]))
        message = self.finished(job)
        if self.values and message.kind == "evaluate" and message.status == "done":
            message.values.update(self.values)  # type: ignore[attr-defined]  # a dict of this test's own
        if self.differing and message.kind == "evaluate":
            message.values["accuracy"] -= job["seed"] % 100 / 1000  # type: ignore[attr-defined]
        return message

    def close(self) -> None:
        self.is_closed = True
