"""How people hear of the end of a run, in the API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from nasportal.lib.webhooks import WebhookRefused
from searches.api.parsers import BoundedJSONParser
from searches.api.requests import person
from searches.models import NoticeWishes
from searches.services import notifications


class WishesSerializer(serializers.ModelSerializer[NoticeWishes]):
    """How you are notified that a run of yours has ended. The secret signs the webhook's messages."""

    email = serializers.EmailField(max_length=254, allow_blank=True, required=False)
    by_email = serializers.BooleanField(required=False)
    webhook_url = serializers.CharField(max_length=500, allow_blank=True, required=False)

    class Meta:
        model = NoticeWishes
        fields = ["email", "by_email", "webhook_url", "webhook_secret", "webhook_off_since"]
        read_only_fields = ["webhook_secret", "webhook_off_since"]

    def validate_webhook_url(self, url: str) -> str:
        """Checks the webhook's address. Raises ValidationError where it may not be called."""
        if url:
            try:
                notifications.webhook_check(url)
            except WebhookRefused as refusal:
                raise ValidationError(str(refusal)) from refusal
        return url


class NoticesView(APIView):
    """How you are notified that a run which you started has ended."""

    parser_classes = [BoundedJSONParser]

    @extend_schema(responses=WishesSerializer)
    def get(self, request: Request) -> Response:
        return Response(self._document(request))

    @extend_schema(request=WishesSerializer, responses=WishesSerializer)
    def put(self, request: Request) -> Response:
        """Changes the settings; what is left out stays as it is."""
        serializer = WishesSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        now = {name: value for name, value in self._document(request).items() if not name.startswith("webhook_")}
        now["webhook_url"] = self._document(request)["webhook_url"]
        notifications.wishes_save(user=person(request), keep_off="webhook_url" not in given, **(now | given))
        return Response(self._document(request))

    def _document(self, request: Request) -> dict[str, Any]:
        user = person(request)
        wishes = NoticeWishes.objects.filter(user=user).first() or NoticeWishes(user=user)
        return {
            "email": user.email,
            "by_email": wishes.by_email,
            "webhook_url": wishes.webhook_url,
            "webhook_secret": wishes.webhook_secret,
            "webhook_off_since": wishes.webhook_off_since,
        }
