"""Runs of searches in the API: start, steer, watch, read."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from architectures.options import sentence
from codegen.repository_request import RequestError
from searches import services
from searches.api.annotations import Annotated
from searches.api.pagination import Conflict, FilteredLists
from searches.api.parsers import BoundedJSONParser
from searches.api.repositories import BundleRequestSerializer, RepositorySerializer
from searches.api.requests import NO_FILTERS_OR_PAGES, person
from searches.api.serializers import OneLine, faults_by_field, read_spec
from searches.api.spec_schema import SpecField
from searches.filters import RunFilter
from searches.models import Project, SearchRun
from searches.pareto import ChoiceError
from searches.selectors.estimate import estimate
from searches.selectors.history import history_jsonl
from searches.selectors.preferences import TOO_FEW, question_of
from searches.selectors.selection import choice_of, front_of
from searches.selectors.snapshot import snapshot
from searches.spec import SearchSpec, SpecErrors


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

    spec = SpecField(read_only=True)

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "spec", "header", "selection", "supernet"]
        read_only_fields = fields


class CheckSerializer(serializers.Serializer[Any]):
    """A spec to be judged."""

    spec = SpecField()


class EstimateSerializer(serializers.Serializer[Any]):
    """Rough figures for this machine."""

    space_size = serializers.IntegerField()
    candidates = serializers.IntegerField()
    seconds = serializers.FloatField()
    memory_bytes = serializers.IntegerField()


class CheckedSerializer(serializers.Serializer[Any]):
    """Faults by field; without any the spec with all its defaults, and the estimate."""

    faults = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    spec = SpecField(allow_null=True)
    estimate = EstimateSerializer(allow_null=True)


class RunCreateSerializer(serializers.Serializer[SearchRun]):
    """A new run: the project, a name, and the spec with whatever differs from its defaults."""

    project = serializers.SlugField(max_length=80)
    name = OneLine(max_length=200)
    spec = SpecField()

    def validate_project(self, slug: str) -> Project:
        """Returns the project of this slug. Raises ValidationError where the user may start no runs in it."""
        project = Project.objects.editable_by(self.context["request"].user).filter(slug=slug).first()
        if project is None:
            raise serializers.ValidationError(f"There is no project {slug!r} in which you may start runs.")
        return project

    def validate_spec(self, document: Any) -> SearchSpec:
        return read_spec(document)

    def create(self, validated_data: dict[str, Any]) -> SearchRun:
        """Creates the run. Raises ValidationError where its spec has faults."""
        try:
            return services.run_create(by=self.context["request"].user, **validated_data)
        except SpecErrors as errors:
            raise serializers.ValidationError({"spec": faults_by_field(errors)}) from errors


class CloneSerializer(serializers.Serializer[SearchRun]):
    """What may differ in a clone."""

    name = OneLine(max_length=200, required=False, default="")


LARGEST_SEQ = 2**63 - 1


class EventsQuerySerializer(serializers.Serializer[Any]):
    """The place from which the stream goes on."""

    after = serializers.IntegerField(min_value=0, max_value=LARGEST_SEQ, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=500)


class EventSerializer(serializers.Serializer[Any]):
    """One event; the payload belongs to its kind."""

    type = serializers.CharField()
    seq = serializers.IntegerField()
    kind = serializers.CharField()
    payload = serializers.JSONField()
    at = serializers.DateTimeField()
    text = serializers.CharField(help_text="the event in a sentence")
    kept_as = serializers.CharField(
        required=False, help_text="name of the field in the run of a snapshot, if it is there"
    )


class EventsSerializer(serializers.Serializer[Any]):
    """Events in order. Where `first_seq` is above `after` + 1 older ones were deleted: start from the snapshot."""

    first_seq = serializers.IntegerField()
    seq = serializers.IntegerField()
    events = EventSerializer(many=True)


NUMBER = OpenApiParameter("number", OpenApiTypes.INT, OpenApiParameter.PATH)


class RunViewSet(
    Annotated,
    mixins.CreateModelMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    FilteredLists[SearchRun],
):
    """Search runs: create, follow, steer, and read what they found."""

    queryset = SearchRun.objects.none()
    parser_classes = [BoundedJSONParser]
    filterset_class = RunFilter
    ordering_fields = ["created", "name", "best_accuracy", "status"]
    ordering = ["-created", "-id"]
    lookup_value_regex = r"\d+"
    serializer_class = RunDetailSerializer

    def get_queryset(self) -> QuerySet[SearchRun]:
        runs = SearchRun.objects.visible_to(self.request.user).select_related("project", "created_by")
        return runs.prefetch_related("tags", "stars")

    def get_serializer_class(self) -> Any:
        return {"list": RunSerializer, "create": RunCreateSerializer}.get(self.action, RunDetailSerializer)

    def _detail(self, run: SearchRun) -> Any:
        return RunDetailSerializer(run, context=self.get_serializer_context()).data

    def editable(self) -> SearchRun:
        """Returns the run for those who may change it. Raises PermissionDenied for others."""
        run = self.get_object()
        if not SearchRun.objects.editable_by(self.request.user).filter(pk=run.pk).exists():
            raise PermissionDenied(
                "You can view this run, but only the owner and editors of its project can change it."
            )
        return run

    @extend_schema(request=RunCreateSerializer, responses={201: RunDetailSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Queues a search. What the spec leaves out has its default; every fault of it is named with its field."""
        serializer = RunCreateSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        run = serializer.save()
        return Response(self._detail(run), status=status.HTTP_201_CREATED)

    @extend_schema(request=CloneSerializer, responses=RunDetailSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Another name; nothing else of a run can be changed."""
        run = self.editable()
        serializer = CloneSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        if serializer.validated_data["name"]:
            services.run_rename(run=run, name=serializer.validated_data["name"], by=person(request))
        return Response(self._detail(run))

    @extend_schema(request=CheckSerializer, responses=CheckedSerializer)
    @action(detail=False, methods=["post"], **NO_FILTERS_OR_PAGES)
    def check(self, request: Request) -> Response:
        """Judges a spec without starting anything: its faults by field, or the whole spec and what it foretells."""
        serializer = CheckSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            spec = SearchSpec.from_document(serializer.validated_data["spec"])
        except SpecErrors as errors:
            return Response({"faults": faults_by_field(errors), "spec": None, "estimate": None})
        return Response({"faults": {}, "spec": spec.to_document(), "estimate": asdict(estimate(spec))})

    def perform_destroy(self, instance: SearchRun) -> None:
        self._steer(services.run_delete)

    def _steer(self, verb: Callable[..., Any], **options: Any) -> Any:
        try:
            return verb(run=self.editable(), by=self.request.user, **options)
        except services.RunRefuses as refusal:
            raise Conflict(str(refusal)) from refusal

    @extend_schema(request=None, responses=RunDetailSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Stops the engine at once; what was accepted stays."""
        return Response(self._detail(self._steer(services.run_pause)))

    @extend_schema(request=None, responses=RunDetailSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Goes on behind the accepted history."""
        return Response(self._detail(self._steer(services.run_resume)))

    @extend_schema(request=None, responses=RunDetailSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Ends the run for good."""
        return Response(self._detail(self._steer(services.run_cancel)))

    @extend_schema(request=CloneSerializer, responses={201: RunDetailSerializer})
    @action(detail=True, methods=["post"])
    def clone(self, request: Request, pk: str) -> Response:
        """The same spec as a new run."""
        serializer = CloneSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        clone = self._steer(services.run_clone, name=serializer.validated_data["name"])
        return Response(self._detail(clone), status=status.HTTP_201_CREATED)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def snapshot(self, request: Request, pk: str) -> Response:
        """The state that a live view starts from; the events after its `seq` go on from there."""
        return Response(snapshot(self.get_object()))

    @extend_schema(parameters=[EventsQuerySerializer], responses=EventsSerializer)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def events(self, request: Request, pk: str) -> Response:
        """Events in the order of `seq`, from `after` on; ask again with the last one's `seq`."""
        run = self.get_object()
        query = EventsQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        frames = run.events.after(query.validated_data["after"])[: query.validated_data["limit"]].frames()
        return Response({"first_seq": run.first_seq, "seq": run.seq, "events": frames})

    @extend_schema(responses={(200, "application/jsonl"): OpenApiTypes.STR})
    @action(detail=True, filter_backends=[], pagination_class=None)
    def history(self, request: Request, pk: str) -> StreamingHttpResponse:
        """history.jsonl: the header, then each accepted evaluation."""
        run = self.get_object()
        headers = {"Content-Disposition": f'attachment; filename="history-{run.pk}.jsonl"'}
        return StreamingHttpResponse(list(history_jsonl(run)), content_type="application/jsonl", headers=headers)

    @extend_schema(
        parameters=[OpenApiParameter("how", str, enum=["vote"], description="the members of the portfolio vote")],
        responses=OpenApiTypes.OBJECT,
    )
    @action(detail=True, filter_backends=[], pagination_class=None)
    def front(self, request: Request, pk: str) -> Response:
        """Returns the Pareto front, and which of it is selected, among those that keep the limits (`?limit.latency=2`).

        The selection is by weights (`?accuracy=.7&latency=.3`), by a vote (`?how=vote`), or else the knee; limits are
        in the objective's own unit. Answers 400 (ValidationError) where a weight or limit is wrong.
        """
        run = self.get_object()
        front = front_of(run)
        if not front:
            return Response({"front": [], "chosen": None, "of": 0, "reasons": []})
        try:
            choice = choice_of(run, front, request.query_params.dict())
        except ChoiceError as fault:
            raise ValidationError({"weights": [sentence(str(fault))]}) from fault
        return Response({"front": front, "chosen": choice.number, "of": choice.of, "reasons": choice.reasons})

    @extend_schema(
        parameters=[OpenApiParameter("a", str, many=True, description="an answer: `3>5` prefers #3 to #5")],
        responses=OpenApiTypes.OBJECT,
    )
    @action(detail=True, filter_backends=[], pagination_class=None)
    def question(self, request: Request, pk: str) -> Response:
        """Asks which of two candidates you prefer: the next question after the answers so far, and what they choose.

        Answers 409 (Conflict) where the front has too few candidates.
        """
        document = question_of(self.get_object(), request.query_params.getlist("a"))
        if document is None:
            raise Conflict(TOO_FEW)
        return Response(document)

    @extend_schema(
        request=BundleRequestSerializer,
        responses={202: RepositorySerializer, 409: OpenApiResponse(description="untrained")},
    )
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def bundle(self, request: Request, pk: str) -> Response:
        """Asks for one archive with several candidates as variants; follow it under `/repositories/`.

        Answers 409 (Conflict) where a candidate has no trained weights, 400 (ValidationError) where one is unknown or
        there are too few or too many.
        """
        run = self.get_object()
        asked = BundleRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted, licence = set(asked.validated_data["candidates"]), asked.validated_data["licence"]
        found = list(run.candidates.filter(number__in=wanted).order_by("number").select_related("run"))
        if unknown := sorted(wanted - {candidate.number for candidate in found}):
            raise ValidationError({"candidates": [f"The run has no candidate {unknown[0]}."]})
        try:
            repository = services.bundle_request(run=run, candidates=found, by=person(request), licence=licence)
        except services.NothingToDeliver as refusal:
            raise Conflict(str(refusal)) from refusal
        except RequestError as fault:
            raise ValidationError({"candidates": [str(fault)]}) from fault
        return Response(RepositorySerializer(repository).data, status=status.HTTP_202_ACCEPTED)
