"""Candidates of a run in the API."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from architectures.ir import compact
from architectures.ir.json import to_document
from searches import services
from searches.api.annotations import Annotated
from searches.api.pagination import Conflict, FilteredLists
from searches.api.parsers import BoundedJSONParser
from searches.api.repositories import RepositoryRequestSerializer, RepositorySerializer
from searches.api.requests import person
from searches.filters import CandidateFilter
from searches.models import Candidate, Evaluation, SearchRun
from searches.selectors.profile import Profile
from searches.selectors.repository_request import origin
from searches.selectors.snapshot import evaluation_facts


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


class CandidateViewSet(Annotated, mixins.ListModelMixin, mixins.RetrieveModelMixin, FilteredLists[Candidate]):
    """The candidates of a run."""

    queryset = Candidate.objects.none()
    serializer_class = CandidateSerializer
    parser_classes = [BoundedJSONParser]
    filterset_class = CandidateFilter
    ordering_fields = ["number", "params", "macs", "memory_bytes"]
    ordering = ["number"]
    lookup_field = "number"
    lookup_value_regex = r"\d{1,9}"

    def get_queryset(self) -> QuerySet[Candidate]:
        if getattr(self, "swagger_fake_view", False):
            return Candidate.objects.none()
        runs = SearchRun.objects.visible_to(self.request.user)
        run = get_object_or_404(runs, pk=self.kwargs["run_pk"])
        return Candidate.objects.filter(run=run).select_related("run__project").with_evaluations()

    def editable(self) -> Candidate:
        """Returns the candidate for those who may change its run. Raises PermissionDenied for others."""
        candidate = self.get_object()
        if not SearchRun.objects.editable_by(self.request.user).filter(pk=candidate.run_id).exists():
            raise PermissionDenied(
                "You can view this run, but only the owner and editors of its project can change it."
            )
        return candidate

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def architecture(self, request: Request, run_pk: str, number: str) -> Response:
        """architecture.json: the graph, which `manage.py generate` and another search can read."""
        candidate = self.get_object()
        return Response(to_document(compact.loads(candidate.graph), origin=origin(candidate)))

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def profile(self, request: Request, run_pk: str, number: str) -> Response:
        """Returns what each layer costs, and how the network does on every target and on your own devices."""
        candidate = self.get_object()
        return Response(Profile.of(candidate, candidate.run.spec["target"], person(request)).to_document())

    @extend_schema(
        request=RepositoryRequestSerializer,
        responses={202: RepositorySerializer, 409: OpenApiResponse(description="untrained")},
    )
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def repository(self, request: Request, run_pk: str, number: str) -> Response:
        """Asks for the repository of this candidate; follow it under `/repositories/`.

        Answers 409 (Conflict) where it has no trained weights.
        """
        asked = RepositoryRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            repository = services.repository_request(
                candidate=self.get_object(), by=person(request), licence=asked.validated_data["licence"]
            )
        except services.NothingToDeliver as refusal:
            raise Conflict(str(refusal)) from refusal
        return Response(RepositorySerializer(repository).data, status=status.HTTP_202_ACCEPTED)
