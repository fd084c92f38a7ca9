"""Datasets of a project in the API."""

from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.db import IntegrityError
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from searches.api.pagination import Conflict, Pages
from searches.api.parsers import BoundedJSONParser
from searches.api.requests import person
from searches.evaluation.datasets.reading.resizing import RULES
from searches.models import Project, UploadedDataSet
from searches.services import datasets as dataset_services


class DataSetSerializer(serializers.ModelSerializer[UploadedDataSet]):
    """An upload of a project; `reference` is what a spec calls it, `card` what was found in it."""

    reference = serializers.CharField(read_only=True)
    card: Any = serializers.DictField(read_only=True)

    class Meta:
        model = UploadedDataSet
        fields = ["key", "name", "reference", "file_name", "status", "reason", "created", "stored_bytes", "card"]


class UploadSerializer(serializers.Serializer[Any]):
    """An .npz with x and y, or a .zip of images with one folder a class."""

    file = serializers.FileField()
    name = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    rule = serializers.ChoiceField(choices=list(RULES), default="crop")
    side = serializers.CharField(max_length=10, required=False, allow_blank=True, default="")


class DataSetViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[UploadedDataSet],
):
    """The uploads of a project. Built-in datasets are named by `/vocabulary/`."""

    queryset = UploadedDataSet.objects.none()
    serializer_class = DataSetSerializer
    parser_classes = [MultiPartParser, BoundedJSONParser]  # JSON is understood, so that it is told what is missing
    pagination_class = Pages
    filter_backends = []
    lookup_field = "key"
    lookup_value_regex = r"[0-9a-f]{32}"

    def project(self) -> Project:
        return get_object_or_404(Project.objects.visible_to(self.request.user), slug=self.kwargs["slug"])

    def get_queryset(self) -> QuerySet[UploadedDataSet]:
        if getattr(self, "swagger_fake_view", False):
            return UploadedDataSet.objects.none()
        return self.project().datasets.order_by("-created", "-pk")

    def editable(self) -> Project:
        """Returns the project for those who may change it. Raises PermissionDenied for others."""
        project = self.project()
        if not Project.objects.editable_by(self.request.user).filter(pk=project.pk).exists():
            raise PermissionDenied("You can view this project, but only its owner and editors can change it.")
        return project

    @extend_schema(request={"multipart/form-data": UploadSerializer}, responses={201: DataSetSerializer})
    def create(self, request: Request, slug: str) -> Response:
        """Uploads a dataset. It is read afterwards: `status` says when it can be searched on, or why not.

        Answers 400 (ValidationError) where the file or the name cannot be accepted.
        """
        project = self.editable()
        entered = UploadSerializer(data=request.data)
        entered.is_valid(raise_exception=True)
        try:
            upload = dataset_services.dataset_upload(project=project, by=person(request), **entered.validated_data)
        except ModelValidationError as refusal:
            raise ValidationError({"file": refusal.messages}) from refusal
        except IntegrityError as refusal:
            raise ValidationError({"name": ["This project already has a dataset with this name."]}) from refusal
        return Response(DataSetSerializer(upload).data, status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance: UploadedDataSet) -> None:
        """Deletes the dataset. Raises Conflict where a run still needs it."""
        self.editable()
        try:
            dataset_services.dataset_delete(upload=instance)
        except ModelValidationError as refusal:
            raise Conflict(" ".join(refusal.messages)) from refusal
