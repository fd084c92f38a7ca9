"""Candidates of a run, their evaluations, the steps and generations of its algorithm, and their repositories."""

from django.db import models
from django.db.models import Q

from codegen.models import Repository
from searches.models.querysets import WEIGHTS, CandidateQuerySet, EvaluationQuerySet
from searches.models.run import SearchRun


class Candidate(models.Model):
    """A genotype in a run, with its number and the network that it stands for."""

    run = models.ForeignKey(SearchRun, on_delete=models.CASCADE, related_name="candidates")
    number = models.PositiveIntegerField()
    fingerprint = models.CharField(max_length=64)
    genotype = models.JSONField()
    parents = models.JSONField(default=list, blank=True)
    change = models.TextField(blank=True)
    graph = models.TextField()  # compact form
    params = models.PositiveBigIntegerField()
    macs = models.PositiveBigIntegerField()
    memory_bytes = models.PositiveBigIntegerField()
    generation = models.IntegerField(null=True, blank=True)

    objects = CandidateQuerySet.as_manager()

    class Meta:
        ordering = ["run_id", "number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_candidate_a_number")]
        indexes = [models.Index(fields=["run", "fingerprint"], name="candidate_network")]

    def __str__(self) -> str:
        return f"#{self.number}"


class Evaluation(models.Model):
    """A measured result of a job: the accepted line of the history, and the files that belong to it."""

    run = models.ForeignKey(SearchRun, on_delete=models.CASCADE, related_name="evaluations")
    candidate = models.ForeignKey(Candidate, on_delete=models.CASCADE, null=True, related_name="evaluations")
    number = models.PositiveIntegerField()
    place = models.PositiveIntegerField(
        null=True, blank=True
    )  # in the sequence, where it is not the number: a promotion
    fidelity = models.PositiveIntegerField()  # epochs
    fingerprint = models.CharField(max_length=64)
    # The line of history.jsonl without its timing, as text: PostgreSQL's jsonb would not give back the same bytes.
    line = models.TextField()
    status = models.CharField(max_length=10)
    reason = models.TextField(blank=True)
    values = models.JSONField(default=dict, blank=True)
    accuracy = models.FloatField(null=True, blank=True)
    seconds = models.FloatField(default=0.0)
    timing = models.JSONField(default=dict, blank=True)
    curve = models.JSONField(default=list, blank=True)
    files = models.JSONField(default=dict, blank=True)  # path below the run's folder and sha256, by what it holds
    is_cached = models.BooleanField(default=False)
    is_on_front = models.BooleanField(default=False)
    test_accuracy = models.FloatField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = EvaluationQuerySet.as_manager()

    class Meta:
        ordering = ["run_id", "number", "fidelity"]
        constraints = [models.UniqueConstraint(fields=["run", "number", "fidelity"], name="one_result_a_job")]
        indexes = [
            # Partial: SQLite finds nothing by the value of a boolean, which Django writes as a bare column.
            models.Index(fields=["run", "number", "fidelity"], condition=Q(is_on_front=True), name="evaluation_front"),
            models.Index(fields=["fingerprint", "fidelity"], name="evaluation_network"),
        ]

    def __str__(self) -> str:
        return f"#{self.number} at {self.fidelity} epochs"

    @property
    def weights_path(self) -> str:
        """Returns the path of the weights below the run's folder; empty where none are kept."""
        return str(self.files.get(WEIGHTS, {}).get("path", ""))

    @property
    def weights_sha256(self) -> str:
        return str(self.files.get(WEIGHTS, {}).get("sha256", ""))


class Step(models.Model):
    """A unit of the algorithm's own learning: its line of the history, and the state that it left."""

    run = models.ForeignKey(SearchRun, on_delete=models.CASCADE, related_name="steps")
    number = models.PositiveIntegerField()
    step = models.CharField(max_length=60)
    line = models.TextField()  # of history.jsonl, without its timing
    status = models.CharField(max_length=10)
    reason = models.TextField(blank=True)
    report = models.JSONField(default=dict, blank=True)
    seconds = models.FloatField(default=0.0)
    timing = models.JSONField(default=dict, blank=True)
    files = models.JSONField(default=dict, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["run_id", "number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_step_a_number")]

    def __str__(self) -> str:
        return f"step {self.number}: {self.step}"


class Generation(models.Model):
    """The state of the search when a generation was complete: the points of its curves."""

    run = models.ForeignKey(SearchRun, on_delete=models.CASCADE, related_name="generations")
    number = models.IntegerField()
    evaluated = models.PositiveIntegerField()
    hypervolume = models.FloatField(null=True, blank=True)
    front = models.JSONField(default=list, blank=True)
    best = models.JSONField(default=dict, blank=True)
    mean = models.JSONField(default=dict, blank=True)
    insight = models.JSONField(default=dict, blank=True)  # what the algorithm reports about itself
    fidelity = models.PositiveIntegerField(null=True, blank=True)  # of the front and the hypervolume
    at = models.DateTimeField(null=True, blank=True)  # when it was committed: the curves over time

    class Meta:
        ordering = ["run_id", "number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_row_a_generation")]

    def __str__(self) -> str:
        return f"generation {self.number}"


class CandidateRepository(models.Model):
    """Links a candidate to the repository that was generated from it."""

    candidate = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="repository_links")
    repository = models.OneToOneField(Repository, on_delete=models.CASCADE, related_name="+")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.repository} of {self.candidate}"
