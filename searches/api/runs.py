"""The API for programs, `/api/v1/`: thin views over the services and querysets that the pages use, too.

What somebody may not see is not found; what they may see but not change is refused with 403.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from codegen.repository_request import RequestError
from searches.api.pagination import Conflict, FilteredLists, Pages
from searches.api.parsers import BoundedJSONParser
from searches.api.people import BARE, ActivitySerializer, Annotated, TemplateSerializer, person
from searches.api.serializers import (
    BundleRequestSerializer,
    CheckedSerializer,
    CheckSerializer,
    CloneSerializer,
    EventsQuerySerializer,
    EventsSerializer,
    MemberSerializer,
    ProjectSerializer,
    RepositorySerializer,
    RunCreateSerializer,
    RunDetailSerializer,
    RunSerializer,
    TemplateCreateSerializer,
    TransferSerializer,
    faults_by_field,
)
from searches.filters import RunFilter
from searches.models import Membership, Project, SearchRun
from searches.models.people import Activity, SpecTemplate
from searches.pareto import ChoiceError
from searches.selectors.estimate import estimate
from searches.selectors.preferences import TOO_FEW, question_of
from searches.selectors.selection import choice_of, front_of
from searches.selectors.snapshot import snapshot
from searches.services import runs as services
from searches.spec import SearchSpec, SpecErrors
from searches.supervision.recorder import history_jsonl

NUMBER = OpenApiParameter("number", OpenApiTypes.INT, OpenApiParameter.PATH)


class ProjectViewSet(viewsets.ModelViewSet[Project]):
    """Projects that the user owns or is a member of."""

    queryset = Project.objects.none()
    serializer_class = ProjectSerializer
    parser_classes = [BoundedJSONParser]
    pagination_class = Pages
    lookup_field = "slug"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def get_queryset(self) -> QuerySet[Project]:
        return Project.objects.visible_to(self.request.user).select_related("owner")

    def owned(self) -> Project:
        project = self.get_object()
        if project.owner_id != self.request.user.pk:
            raise PermissionDenied("Only its owner may change a project or its members.")
        return project

    def perform_update(self, serializer: Any) -> None:
        self.owned()
        serializer.save()

    def perform_destroy(self, instance: Project) -> None:
        self.owned()
        try:
            services.project_delete(project=instance)
        except ModelValidationError as refusal:
            raise Conflict(" ".join(refusal.messages)) from refusal

    @extend_schema(request=MemberSerializer, responses=MemberSerializer(many=True))
    @action(detail=True, methods=["get", "post"], pagination_class=None, filter_backends=[])
    def members(self, request: Request, slug: str) -> Response:
        """Who else may see the project. A POST adds a member or changes their role."""
        if request.method == "POST":
            project = self.owned()
            serializer = MemberSerializer(data=request.data, context={"project": project, "request": request})
            serializer.is_valid(raise_exception=True)
            try:
                serializer.save()
            except ModelValidationError as refusal:
                raise ValidationError({"user": refusal.messages}) from refusal
            return Response(serializer.data, status=status.HTTP_201_CREATED)
        members = Membership.objects.filter(project=self.get_object()).select_related("user")
        return Response(MemberSerializer(members, many=True).data)

    @extend_schema(parameters=[OpenApiParameter("user", str, OpenApiParameter.PATH)], responses={204: None})
    @action(detail=True, methods=["delete"], url_path=r"members/(?P<user>[^/]+)", url_name="member")
    def member(self, request: Request, slug: str, user: str) -> Response:
        """Removes a member; members may also remove themselves."""
        project = self.get_object() if user == request.user.get_username() else self.owned()
        membership = get_object_or_404(project.memberships.select_related("user"), user__username=user)
        services.member_remove(project=project, user=membership.user, by=person(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=TransferSerializer, responses=ProjectSerializer)
    @action(detail=True, methods=["post"], **BARE)
    def transfer(self, request: Request, slug: str) -> Response:
        """Hands the project to one of its members; who had it stays as an editor."""
        project = self.owned()
        serializer = TransferSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            services.project_transfer(project=project, to=serializer.validated_data["user"], by=person(request))
        except ModelValidationError as refusal:
            raise ValidationError({"user": refusal.messages}) from refusal
        return Response(ProjectSerializer(project, context=self.get_serializer_context()).data)

    @extend_schema(responses=ActivitySerializer(many=True))
    @action(detail=True, filter_backends=[])
    def activity(self, request: Request, slug: str) -> Response:
        """Who did what, the newest first."""
        rows: Any = Activity.objects.filter(project=self.get_object())
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(ActivitySerializer(page, many=True).data)

    @extend_schema(request=TemplateSerializer, responses=TemplateSerializer(many=True))
    @action(detail=True, methods=["get", "post"], **BARE)
    def templates(self, request: Request, slug: str) -> Response:
        """Specs that the project keeps to start from. A POST saves one; a name that is there already is replaced."""
        project = self.get_object()
        if request.method != "POST":
            kept = project.templates.select_related("created_by")
            return Response(TemplateSerializer(kept, many=True).data)
        self._may_start_runs(project)
        serializer = TemplateCreateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        template = services.template_save(project=project, by=person(request), **serializer.validated_data)
        return Response(TemplateSerializer(template).data, status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[OpenApiParameter("template", int, OpenApiParameter.PATH)], responses={204: None})
    @action(detail=True, methods=["delete"], url_path=r"templates/(?P<template>\d{1,18})", url_name="template", **BARE)
    def template(self, request: Request, slug: str, template: str) -> Response:
        """Deletes a template; runs that were started from it stay."""
        project = self.get_object()
        self._may_start_runs(project)
        doomed = get_object_or_404(SpecTemplate.objects.select_related("project"), project=project, pk=template)
        services.template_delete(template=doomed, by=person(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _may_start_runs(self, project: Project) -> None:
        if not Project.objects.editable_by(self.request.user).filter(pk=project.pk).exists():
            raise PermissionDenied("You may look at this project, but only its owner and editors change it.")


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
        """The run, for those who may change it."""
        run = self.get_object()
        if not SearchRun.objects.editable_by(self.request.user).filter(pk=run.pk).exists():
            raise PermissionDenied("You may look at this run, but only the owner and editors of its project change it.")
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
    @action(detail=False, methods=["post"], **BARE)
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
        """The Pareto front, and which of it is chosen: by weights (`?accuracy=.7&latency=.3`), by a vote (`?how=vote`),
        or else the knee; only among those that keep the limits (`?limit.latency=2`), in the objective's own unit."""
        run = self.get_object()
        front = front_of(run)
        if not front:
            return Response({"front": [], "chosen": None, "of": 0, "reasons": []})
        try:
            choice = choice_of(run, front, request.query_params.dict())
        except ChoiceError as fault:
            raise ValidationError({"weights": [f"The choice {fault}."]}) from fault
        return Response({"front": front, "chosen": choice.number, "of": choice.of, "reasons": choice.reasons})

    @extend_schema(
        parameters=[OpenApiParameter("a", str, many=True, description="an answer: `3>5` prefers #3 to #5")],
        responses=OpenApiTypes.OBJECT,
    )
    @action(detail=True, filter_backends=[], pagination_class=None)
    def question(self, request: Request, pk: str) -> Response:
        """Which of two would you rather have? The next question after the answers so far, and what they choose."""
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
        """Asks for one archive with several candidates as variants; follow it under `/repositories/`."""
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
