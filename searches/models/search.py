"""What is kept of a search: projects, runs, candidates, evaluations, events. Facts only; verbs are in `services`."""

from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import F, Q

from codegen.models import Repository
from searches.models.querysets import (
    CandidateQuerySet,
    EvaluationQuerySet,
    EventQuerySet,
    ProjectQuerySet,
    SearchRunQuerySet,
)
from searches.models.status import OVER, Phase, Role, Status, may


class Project(models.Model):
    """A folder of search runs that is shared as a whole."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="projects")
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80, unique=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def cache(self) -> Path:
        """What its searches have paid for, for one another."""
        return Path(settings.DATA_DIR) / "cache" / str(self.pk)

    def role_of(self, user: AbstractBaseUser | AnonymousUser) -> Role | None:
        """What somebody is in this project; None if they may not even see it."""
        if user.is_authenticated and user.pk == self.owner_id:
            return Role.OWNER
        membership = self.memberships.filter(user_id=user.pk or 0).first()
        return Role(membership.role) if membership else None


class Membership(models.Model):
    """Somebody beside the owner who may see a project, or also start runs in it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=[(Role.EDITOR, "editor"), (Role.VIEWER, "viewer")])
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_role_a_member")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role}) in {self.project}"


class SearchRun(models.Model):
    """One search: its spec, how far it is, and who holds the lease on it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    name = models.CharField(max_length=200)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="search_runs"
    )
    spec = models.JSONField()
    header = models.JSONField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    phase = models.CharField(max_length=10, choices=Phase.choices, default=Phase.PROBLEM)
    reason = models.TextField(blank=True)
    traceback = models.TextField(blank=True)

    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)
    worked_seconds = models.FloatField(default=0.0)  # time under a lease: pauses and queues do not count

    seq = models.PositiveBigIntegerField(default=0)  # of the newest event
    first_seq = models.PositiveBigIntegerField(default=1)  # of the oldest event that is kept

    evaluations_total = models.PositiveIntegerField(default=0)
    evaluations_done = models.PositiveIntegerField(default=0)  # distinct networks; the failed ones, too
    evaluations_failed = models.PositiveIntegerField(default=0)
    evaluations_cached = models.PositiveIntegerField(default=0)  # taken from the project's cache, promotions included
    promotions_done = models.PositiveIntegerField(default=0)  # evaluations of known networks at a higher fidelity
    steps_done = models.PositiveIntegerField(default=0)
    cost = models.BigIntegerField(default=0)  # multiply-adds of all that was accepted; counted
    duplicates = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    # A resumed engine repeats what it proposed: up to these numbers it is counted already.
    duplicates_through = models.IntegerField(default=-1)
    refused_through = models.IntegerField(default=-1)
    promoted_through = models.IntegerField(default=-1)
    generation = models.IntegerField(null=True, blank=True)
    stage = models.IntegerField(default=-1)  # of an algorithm that has stages
    supernet = models.JSONField(null=True, blank=True)  # how the trial of a supernet ended
    hypervolume = models.FloatField(null=True, blank=True)
    front_size = models.PositiveIntegerField(default=0)
    best_accuracy = models.FloatField(null=True, blank=True)
    chosen_number = models.PositiveIntegerField(null=True, blank=True)
    selection = models.JSONField(null=True, blank=True)
    history_sha256 = models.CharField(max_length=64, blank=True)
    control_of = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="controls")

    lease_owner = models.CharField(max_length=120, blank=True)
    lease_token = models.PositiveBigIntegerField(default=0)  # rises with each claim: fences late writers off
    lease_until = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    queued = models.DateTimeField(null=True, blank=True)

    objects = SearchRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        indexes = [
            models.Index(fields=["status", "lease_until"], name="run_work"),
            models.Index(fields=["project", "-created"], name="run_of_project"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="run_has_a_known_status"),
            models.CheckConstraint(condition=Q(first_seq__lte=F("seq") + 1), name="run_keeps_a_suffix_of_its_events"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        """Where the engine keeps weights and its log."""
        return Path(settings.DATA_DIR) / "runs" / str(self.pk)

    def lines(self) -> list[tuple[int, int, str]]:
        """Number, fidelity and text of each accepted line of the history, in no order."""
        steps = self.steps.values_list("number", "line")
        evaluations = self.evaluations.values_list("number", "fidelity", "line")
        return [*evaluations, *((number, 0, line) for number, line in steps)]

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    @property
    def can_pause(self) -> bool:
        return may("pause", self.status)

    @property
    def can_resume(self) -> bool:
        return may("resume", self.status)

    @property
    def can_cancel(self) -> bool:
        return may("cancel", self.status)

    @property
    def can_delete(self) -> bool:
        return may("delete", self.status)

    @property
    def share_done(self) -> float:
        """Between 0 and 1, of the budget of evaluations or of counted cost, whichever is nearer to its end."""
        by_count = self.evaluations_done / self.evaluations_total if self.evaluations_total else 0.0
        by_cost = self.cost / self.spec["max_cost"] if self.spec.get("max_cost") else 0.0
        return min(1.0, max(by_count, by_cost))


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
    files = models.JSONField(default=dict, blank=True)
    weights_path = models.CharField(max_length=300, blank=True)  # below the run's folder
    weights_sha256 = models.CharField(max_length=64, blank=True)
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
    insight = models.JSONField(default=dict, blank=True)  # what the algorithm tells about itself
    fidelity = models.PositiveIntegerField(null=True, blank=True)  # of the front and the hypervolume
    at = models.DateTimeField(null=True, blank=True)  # when it was committed: the curves over time

    class Meta:
        ordering = ["run_id", "number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_row_a_generation")]

    def __str__(self) -> str:
        return f"generation {self.number}"


class Event(models.Model):
    """Something that happened in a run, in the order of `seq`."""

    run = models.ForeignKey(SearchRun, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    at = models.DateTimeField()

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["run_id", "seq"]
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="one_event_a_seq")]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class Progress(models.Model):
    """What an evaluator is doing right now: one row each, overwritten, never part of the history."""

    run = models.ForeignKey(SearchRun, on_delete=models.CASCADE, related_name="progress")
    evaluator = models.PositiveIntegerField()
    payload = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["run_id", "evaluator"]
        constraints = [models.UniqueConstraint(fields=["run", "evaluator"], name="one_progress_an_evaluator")]

    def __str__(self) -> str:
        return f"evaluator {self.evaluator}"


class CandidateRepository(models.Model):
    """Links a candidate to the repository that was generated from it."""

    candidate = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="repository_links")
    repository = models.OneToOneField(Repository, on_delete=models.CASCADE, related_name="+")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.repository} of {self.candidate}"
