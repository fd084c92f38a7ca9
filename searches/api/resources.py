"""Data sets, replays and devices in the API: what their pages do, by the same services."""

from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.db import IntegrityError
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from profiling import services as device_services
from profiling import targets
from profiling.models import Device
from searches.api.pagination import Conflict, Pages
from searches.api.parsers import BoundedJSONParser
from searches.api.people import BARE, person
from searches.evaluation.datasets.reading.resizing import RULES
from searches.models import Project
from searches.models.dataset import UploadedDataSet
from searches.models.replay import Replay
from searches.services import datasets as dataset_services
from searches.services import replays as replay_services


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
    """The uploads of a project. Built-in data sets are named by `/vocabulary/`."""

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
        project = self.project()
        if not Project.objects.editable_by(self.request.user).filter(pk=project.pk).exists():
            raise PermissionDenied("You may look at this project, but only its owner and editors change it.")
        return project

    @extend_schema(request={"multipart/form-data": UploadSerializer}, responses={201: DataSetSerializer})
    def create(self, request: Request, slug: str) -> Response:
        """Uploads a data set; it is read afterwards: its `status` tells when it can be searched on, or why not."""
        project = self.editable()
        entered = UploadSerializer(data=request.data)
        entered.is_valid(raise_exception=True)
        try:
            upload = dataset_services.dataset_upload(project=project, by=person(request), **entered.validated_data)
        except ModelValidationError as refusal:
            raise ValidationError({"file": refusal.messages}) from refusal
        except IntegrityError as refusal:
            raise ValidationError({"name": ["The project has a data set of this name already."]}) from refusal
        return Response(DataSetSerializer(upload).data, status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance: UploadedDataSet) -> None:
        self.editable()
        try:
            dataset_services.dataset_delete(upload=instance)
        except ModelValidationError as refusal:
            raise Conflict(" ".join(refusal.messages)) from refusal


class ReplaySerializer(serializers.ModelSerializer[Replay]):
    """A replay; `figures` is what `manage.py replay --json` prints."""

    question: Any = serializers.DictField(read_only=True)
    figures: Any = serializers.DictField(read_only=True)

    class Meta:
        model = Replay
        fields = ["id", "table_name", "question", "status", "reason", "done", "total", "created", "finished", "figures"]


class QuestionSerializer(serializers.Serializer[Any]):
    """As the form of the page: `table` is `server:NAME` or `own:ID` of an earlier replay; or a `file` comes with it."""

    table = serializers.CharField(max_length=200, default="", allow_blank=True)
    file = serializers.FileField(required=False)
    search_on = serializers.CharField(max_length=200)
    code = serializers.CharField(max_length=200, default="code")
    report = serializers.CharField(max_length=200, default="", allow_blank=True)
    minimise = serializers.CharField(max_length=500, default="", allow_blank=True)
    cost = serializers.CharField(max_length=500, default="", allow_blank=True)
    budget = serializers.CharField(max_length=20, default="", allow_blank=True)
    evaluations = serializers.CharField(max_length=12, default="200")
    repeats = serializers.CharField(max_length=12, default="20")
    seed = serializers.CharField(max_length=12, default="0")
    lag = serializers.CharField(max_length=12, default="0")
    algorithms = serializers.CharField(max_length=500, default="random_search,regularized_evolution,nsga2")


class ReplayViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[Replay]
):
    """Algorithms on a table whose truth is known: one's own replays."""

    queryset = Replay.objects.none()
    serializer_class = ReplaySerializer
    parser_classes = [BoundedJSONParser, MultiPartParser]
    pagination_class = Pages
    filter_backends = []
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[Replay]:
        return Replay.objects.filter(owner=person(self.request)).order_by("-pk")

    @extend_schema(request=QuestionSerializer, responses={201: ReplaySerializer})
    def create(self, request: Request) -> Response:
        """Asks for a replay; with a table of one's own it comes as a form with `file`, a .csv or .csv.gz."""
        entered = QuestionSerializer(data=request.data)
        entered.is_valid(raise_exception=True)
        words = dict(entered.validated_data)
        file = words.pop("file", None)
        try:
            question = replay_services.question_from(words)
            replay = replay_services.replay_create(
                owner=person(request), table=words["table"], file=file, question=question
            )
        except ModelValidationError as refusal:
            raise ValidationError(refusal.message_dict) from refusal
        return Response(ReplaySerializer(replay).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=ReplaySerializer)
    @action(detail=True, methods=["post"], **BARE)
    def stop(self, request: Request, pk: str) -> Response:
        """Ends it; the repeats that are over stay."""
        replay = self.get_object()
        if not replay_services.replay_stop(replay=replay):
            raise Conflict(f"The replay is {replay.get_status_display()} already.")
        replay.refresh_from_db()
        return Response(ReplaySerializer(replay).data)

    def perform_destroy(self, instance: Replay) -> None:
        try:
            replay_services.replay_delete(replay=instance)
        except ModelValidationError as refusal:
            raise Conflict(" ".join(refusal.messages)) from refusal


class DeviceSerializer(serializers.ModelSerializer[Device]):
    """A device of one's own; `target` is what a spec calls it."""

    target = serializers.CharField(source="target_name", read_only=True)
    kind = serializers.ChoiceField(choices=[])
    specification: Any = serializers.DictField(read_only=True)
    state: Any = serializers.DictField(read_only=True)
    code = serializers.SerializerMethodField()

    class Meta:
        model = Device
        fields = [
            "id", "name", "kind", "target", "is_paired", "is_away", "last_seen", "calibrated", "specification",
            "state", "code",
        ]  # fmt: skip
        read_only_fields = ["is_paired", "is_away", "last_seen", "calibrated"]

    def get_fields(self) -> Any:
        found = super().get_fields()
        found["kind"] = serializers.ChoiceField(
            choices=[name for name in targets.names() if not targets.get(name).device]
        )
        return found

    def get_code(self, device: Device) -> str:
        """The pairing code: only in the answer that made it."""
        return str(self.context.get("code", ""))


class DeviceViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[Device]
):
    """Hardware of one's own that measures for searches."""

    queryset = Device.objects.none()
    serializer_class = DeviceSerializer
    parser_classes = [BoundedJSONParser]
    pagination_class = Pages
    filter_backends = []
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[Device]:
        return Device.objects.owned_by(self.request.user).order_by("pk")

    def create(self, request: Request) -> Response:
        """Names a device and gets the code by which its agent pairs; the code is told once."""
        entered = DeviceSerializer(data=request.data)
        entered.is_valid(raise_exception=True)
        try:
            device, code = device_services.device_create(owner=person(request), **entered.validated_data)
        except ModelValidationError as refusal:
            raise ValidationError({"name": refusal.messages}) from refusal
        return Response(DeviceSerializer(device, context={"code": code}).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=DeviceSerializer)
    @action(detail=True, methods=["post"], **BARE)
    def code(self, request: Request, pk: str) -> Response:
        """A new pairing code; a device that is paired already pairs anew with it."""
        device = self.get_object()
        code = device_services.device_code_renew(device=device)
        return Response(DeviceSerializer(device, context={"code": code}).data)

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    @action(detail=True, methods=["post"], **BARE)
    def calibrate(self, request: Request, pk: str) -> Response:
        """Lets the device measure networks of all kinds; the fit follows the last of them."""
        device = self.get_object()
        waiting = device_services.calibration_start(device=device)
        fitted = None if waiting else device_services.device_calibrate(device=device)
        return Response({"waiting": waiting, "fitted": fitted is not None})

    def perform_destroy(self, instance: Device) -> None:
        device_services.device_delete(device=instance)
