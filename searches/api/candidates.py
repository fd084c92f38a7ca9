"""Candidates of a run and generated repositories in the API."""

from django.db.models import QuerySet
from django.http import FileResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from architectures.ir import compact
from architectures.ir.json import to_document
from codegen import services as repository_services
from codegen.models import Repository, RepositoryStatus
from searches.api.pagination import Conflict, FilteredLists, Pages
from searches.api.parsers import BoundedJSONParser
from searches.api.people import Annotated, person
from searches.api.serializers import CandidateSerializer, RepositoryRequestSerializer, RepositorySerializer
from searches.filters import CandidateFilter
from searches.models import Candidate, SearchRun
from searches.selectors.repository_request import origin
from searches.services import runs as services
from searches.views.profiles import Profile


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
        """The candidate, for those who may change its run."""
        candidate = self.get_object()
        if not SearchRun.objects.editable_by(self.request.user).filter(pk=candidate.run_id).exists():
            raise PermissionDenied("You may look at this run, but only the owner and editors of its project change it.")
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
        """What each layer costs, and how the network does on every target and on your own devices."""
        candidate = self.get_object()
        return Response(Profile.of(candidate, candidate.run.spec["target"], person(request)).to_document())

    @extend_schema(
        request=RepositoryRequestSerializer,
        responses={202: RepositorySerializer, 409: OpenApiResponse(description="untrained")},
    )
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def repository(self, request: Request, run_pk: str, number: str) -> Response:
        """Asks for the repository of this candidate; follow it under `/repositories/`."""
        asked = RepositoryRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            repository = services.repository_request(
                candidate=self.get_object(), by=person(request), licence=asked.validated_data["licence"]
            )
        except services.NothingToDeliver as refusal:
            raise Conflict(str(refusal)) from refusal
        return Response(RepositorySerializer(repository).data, status=status.HTTP_202_ACCEPTED)


class RepositoryViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[Repository]
):
    """Generated repositories: one's own, and those of runs that one may see."""

    queryset = Repository.objects.none()
    serializer_class = RepositorySerializer
    parser_classes = [BoundedJSONParser]
    pagination_class = Pages
    filterset_fields = ["status", "fingerprint"]
    lookup_value_regex = r"\d+"

    def get_queryset(self) -> QuerySet[Repository]:
        return Repository.objects.visible_to(self.request.user).select_related("owner")

    def perform_destroy(self, instance: Repository) -> None:
        if instance.owner_id != self.request.user.pk:
            raise PermissionDenied("Only who asked for a repository may delete it.")
        repository_services.repository_delete(repository=instance)

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True, filter_backends=[], pagination_class=None)
    def download(self, request: Request, pk: str) -> FileResponse:
        """The archive, once the gate has passed it."""
        repository = self.get_object()
        if repository.status != RepositoryStatus.READY:
            raise Conflict(f"The repository is {repository.status}; it can be downloaded once it is ready.")
        return archive_response(repository)


def archive_response(repository: Repository) -> FileResponse:
    """The zip under its own name."""
    path = repository.archive_path
    if not path.is_file():
        raise Conflict("The archive is no longer on the disk. Delete the repository and ask for it once more.")
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="application/zip")
