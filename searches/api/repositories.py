"""Generated repositories in the API."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from codegen import services as repository_services
from codegen.licences import DEFAULT, LICENCES
from codegen.models import Repository, RepositoryStatus
from searches.api.pagination import Conflict, Pages
from searches.api.parsers import BoundedJSONParser


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
        """Deletes the repository. Raises PermissionDenied for all but the user who asked for it."""
        if instance.owner_id != self.request.user.pk:
            raise PermissionDenied("Only the person who requested a repository may delete it.")
        repository_services.repository_delete(repository=instance)

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True, filter_backends=[], pagination_class=None)
    def download(self, request: Request, pk: str) -> FileResponse:
        """Downloads the archive, once the gate has passed it. Answers 409 (Conflict) before that."""
        repository = self.get_object()
        if repository.status != RepositoryStatus.READY:
            raise Conflict(f"The repository is {repository.status}; it can be downloaded once it is ready.")
        return archive_response(repository)


def archive_response(repository: Repository) -> FileResponse:
    """Returns the zip under its own name. Raises Conflict where the file is no longer on the disk."""
    path = repository.archive_path
    if not path.is_file():
        raise Conflict("The archive is no longer on the disk. Delete the repository and request it again.")
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="application/zip")
