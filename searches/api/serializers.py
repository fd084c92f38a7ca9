"""What programs send and get. A spec is read by SearchSpec and by nothing else; its faults keep their field paths."""

from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from codegen.models import Repository
from codegen.sources.licences import DEFAULT, LICENCES
from searches.models import Candidate, Evaluation, Membership, Project, SearchRun
from searches.models.status import Role
from searches.selectors.snapshot import evaluation_facts
from searches.services import runs as services
from searches.spec import SearchSpec, SpecErrors

LARGEST_SEQ = 2**63 - 1


class OneLine(serializers.CharField):
    """A name: kept as it was given, but for white space at its ends and control characters, which are refused."""

    def to_internal_value(self, data: Any) -> str:
        text = str(super().to_internal_value(data))
        if not text.isprintable():
            raise serializers.ValidationError("A name must be one line of printable characters.")
        return text


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """A project, and what the asker is in it."""

    name = OneLine(max_length=200)
    owner = serializers.CharField(source="owner.username", read_only=True)
    role = serializers.SerializerMethodField()

    class Meta:
        model = Project
        fields = ["slug", "name", "owner", "role", "created"]
        read_only_fields = ["slug", "created"]

    def get_role(self, project: Project) -> str | None:
        return project.role_of(self.context["request"].user)

    def create(self, validated_data: dict[str, Any]) -> Project:
        return services.project_create(owner=self.context["request"].user, name=validated_data["name"])

    def update(self, instance: Project, validated_data: dict[str, Any]) -> Project:
        return services.project_rename(
            project=instance, name=validated_data.get("name", instance.name), by=self.context["request"].user
        )


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """Somebody beside the owner, by their user name."""

    user = serializers.SlugRelatedField(slug_field="username", queryset=User.objects.filter(is_active=True))
    role = serializers.ChoiceField(choices=[Role.EDITOR, Role.VIEWER])

    class Meta:
        model = Membership
        fields = ["user", "role", "created"]
        read_only_fields = ["created"]

    def create(self, validated_data: dict[str, Any]) -> Membership:
        return services.member_add(project=self.context["project"], by=self.context["request"].user, **validated_data)


class TransferSerializer(serializers.Serializer[Any]):
    """Who gets the project: a member, by their user name."""

    user = serializers.SlugRelatedField[User](slug_field="username", queryset=User.objects.filter(is_active=True))


class RunSerializer(serializers.ModelSerializer[SearchRun]):
    """A run as a list shows it."""

    project = serializers.SlugRelatedField[Project](slug_field="slug", read_only=True)
    created_by = serializers.SlugRelatedField[User](slug_field="username", read_only=True, allow_null=True)
    tags = serializers.SerializerMethodField()
    starred = serializers.SerializerMethodField()

    class Meta:
        model = SearchRun
        fields = [
            "id", "project", "name", "created_by", "tags", "starred", "status", "phase", "reason", "created",
            "started", "finished",
            "evaluations_total", "evaluations_done", "evaluations_failed", "evaluations_cached",
            "promotions_done", "steps_done", "cost", "control_of", "duplicates", "refused", "generation",
            "hypervolume", "front_size", "best_accuracy", "chosen_number", "history_sha256", "seq", "first_seq",
        ]  # fmt: skip
        read_only_fields = fields

    def get_tags(self, run: SearchRun) -> list[str]:
        return [tag.name for tag in run.tags.all() if tag.candidate_id is None]

    def get_starred(self, run: SearchRun) -> bool:
        asker = self.context["request"].user.pk
        return any(star.user_id == asker and star.candidate_id is None for star in run.stars.all())


class RunDetailSerializer(RunSerializer):
    """A run with its spec, its header, its selection, and how the trial of its supernet ended."""

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "spec", "header", "selection", "supernet"]
        read_only_fields = fields


def faults_by_field(errors: SpecErrors) -> dict[str, list[str]]:
    """Each fault of a spec beside the path of its field; of one field all."""
    found: dict[str, list[str]] = {}
    for problem in errors.problems:
        found.setdefault(problem.field or "spec", []).append(problem.message)
    return found


def read_spec(document: Any) -> SearchSpec:
    try:
        return SearchSpec.from_document(document)
    except SpecErrors as errors:
        raise serializers.ValidationError(faults_by_field(errors)) from errors


class CheckSerializer(serializers.Serializer[Any]):
    """A spec to be judged."""

    spec = serializers.JSONField()


class EstimateSerializer(serializers.Serializer[Any]):
    """Rough figures for this machine."""

    space_size = serializers.IntegerField()
    candidates = serializers.IntegerField()
    seconds = serializers.FloatField()
    memory_bytes = serializers.IntegerField()


class CheckedSerializer(serializers.Serializer[Any]):
    """Faults by field; without any the spec with all its defaults, and the estimate."""

    faults = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    spec = serializers.JSONField(allow_null=True)
    estimate = EstimateSerializer(allow_null=True)


class TemplateCreateSerializer(serializers.Serializer[Any]):
    """A template's name and spec."""

    name = OneLine(max_length=200)
    spec = serializers.JSONField()

    def validate_spec(self, document: Any) -> SearchSpec:
        return read_spec(document)


class RunCreateSerializer(serializers.Serializer[SearchRun]):
    """A new run: the project, a name, and the spec with whatever differs from its defaults."""

    project = serializers.SlugField(max_length=80)
    name = OneLine(max_length=200)
    spec = serializers.JSONField()

    def validate_project(self, slug: str) -> Project:
        project = Project.objects.editable_by(self.context["request"].user).filter(slug=slug).first()
        if project is None:
            raise serializers.ValidationError(f"There is no project {slug!r} in which you may start runs.")
        return project

    def validate_spec(self, document: Any) -> SearchSpec:
        return read_spec(document)

    def create(self, validated_data: dict[str, Any]) -> SearchRun:
        try:
            return services.run_create(by=self.context["request"].user, **validated_data)
        except SpecErrors as errors:
            raise serializers.ValidationError({"spec": faults_by_field(errors)}) from errors


class CloneSerializer(serializers.Serializer[SearchRun]):
    """What may differ in a clone."""

    name = OneLine(max_length=200, required=False, default="")


class CandidateSerializer(serializers.ModelSerializer[Candidate]):
    """A candidate with its best evaluation."""

    flops = serializers.SerializerMethodField()
    evaluation = serializers.SerializerMethodField()

    tags = serializers.SlugRelatedField[Any](slug_field="name", many=True, read_only=True)
    starred = serializers.SerializerMethodField()

    class Meta:
        model = Candidate
        fields = [
            "number", "fingerprint", "tags", "starred", "genotype", "parents", "change", "generation",
            "params", "macs", "flops", "memory_bytes", "evaluation",
        ]  # fmt: skip
        read_only_fields = fields

    def get_starred(self, candidate: Candidate) -> bool:
        asker = self.context["request"].user.pk
        return any(star.user_id == asker for star in candidate.stars.all())

    def get_flops(self, candidate: Candidate) -> int:
        return 2 * candidate.macs

    @extend_schema_field({"type": "object", "nullable": True})
    def get_evaluation(self, candidate: Candidate) -> dict[str, Any] | None:
        evaluations: list[Evaluation] = sorted(candidate.evaluations.all(), key=lambda each: each.fidelity)
        return evaluation_facts(evaluations[-1]) | {"curve": evaluations[-1].curve} if evaluations else None


class EventsQuerySerializer(serializers.Serializer[Any]):
    """Where to go on in the stream."""

    after = serializers.IntegerField(min_value=0, max_value=LARGEST_SEQ, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=500)


class EventSerializer(serializers.Serializer[Any]):
    """One event; the payload belongs to its kind."""

    type = serializers.CharField()
    seq = serializers.IntegerField()
    kind = serializers.CharField()
    payload = serializers.JSONField()
    at = serializers.DateTimeField()


class EventsSerializer(serializers.Serializer[Any]):
    """Events in order. Where `first_seq` is above `after` + 1 older ones were deleted: start from the snapshot."""

    first_seq = serializers.IntegerField()
    seq = serializers.IntegerField()
    events = EventSerializer(many=True)


class RepositoryRequestSerializer(serializers.Serializer[Any]):
    """What may be said of a repository that is asked for."""

    licence = serializers.ChoiceField(choices=list(LICENCES), default=DEFAULT)


class BundleRequestSerializer(RepositoryRequestSerializer):
    """Points of a front for one archive; how many, the bundle itself says."""

    candidates = serializers.ListField(child=serializers.IntegerField(min_value=0), max_length=20)


class RepositorySerializer(serializers.ModelSerializer[Repository]):
    """A generated repository: how far its job is, and the verdict of the gate."""

    owner = serializers.SlugRelatedField[User](slug_field="username", read_only=True)

    class Meta:
        model = Repository
        fields = [
            "id", "name", "owner", "fingerprint", "status", "progress", "reason", "verdict", "sha256", "size_bytes",
            "created", "started", "finished",
        ]  # fmt: skip
        read_only_fields = fields
