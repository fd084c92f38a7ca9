"""What a search has spent, counted in multiply-adds; decided by positions in the sequence, never by a clock."""

from dataclasses import dataclass, field


@dataclass
class Budget:
    """Trainings count when they are given out, for their cost is known; steps when they may be seen."""

    most: int | None
    trainings: int = 0
    steps: list[tuple[int, int]] = field(default_factory=list)  # number and cost, as they were accepted

    def spend(self, cost: int) -> None:
        self.trainings += cost

    @property
    def spent(self) -> int:
        """Returns the cost of all that was accepted."""
        return self.trainings + sum(cost for _, cost in self.steps)

    def is_spent(self, horizon: int) -> bool:
        if self.most is None:
            return False
        return self.trainings + sum(cost for number, cost in self.steps if number < horizon) >= self.most
