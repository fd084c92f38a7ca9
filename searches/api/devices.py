"""Devices in the API: pairing them, and what they measured."""

from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from profiling import services as device_services
from profiling import targets
from profiling.models import Device
from searches.api.pagination import Pages
from searches.api.parsers import BoundedJSONParser
from searches.api.requests import NO_FILTERS_OR_PAGES, person


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
        """Names a device and returns the code with which its agent pairs; the code is shown once.

        Answers 400 (ValidationError) where name or kind cannot be accepted.
        """
        entered = DeviceSerializer(data=request.data)
        entered.is_valid(raise_exception=True)
        try:
            device, code = device_services.device_create(owner=person(request), **entered.validated_data)
        except ModelValidationError as refusal:
            raise ValidationError({"name": refusal.messages}) from refusal
        return Response(DeviceSerializer(device, context={"code": code}).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=DeviceSerializer)
    @action(detail=True, methods=["post"], **NO_FILTERS_OR_PAGES)
    def code(self, request: Request, pk: str) -> Response:
        """A new pairing code; a device that is paired already pairs anew with it."""
        device = self.get_object()
        code = device_services.device_code_renew(device=device)
        return Response(DeviceSerializer(device, context={"code": code}).data)

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    @action(detail=True, methods=["post"], **NO_FILTERS_OR_PAGES)
    def calibrate(self, request: Request, pk: str) -> Response:
        """Lets the device measure networks of all kinds; the fit follows the last of them."""
        device = self.get_object()
        waiting = device_services.calibration_start(device=device)
        fitted = None if waiting else device_services.device_calibrate(device=device)
        return Response({"waiting": waiting, "fitted": fitted is not None})

    def perform_destroy(self, instance: Device) -> None:
        device_services.device_delete(device=instance)
