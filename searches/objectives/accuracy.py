"""Share of the validation split that is classified correctly."""

from searches import objectives
from searches.objectives.objective import Objective


@objectives.register("accuracy")
class Accuracy(Objective):
    title = "validation accuracy"
    direction = "maximise"
    ideal = 1.0
    measured_as = "accuracy"
    worst = 0.0
