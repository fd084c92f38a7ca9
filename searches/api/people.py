"""What people add, for programs: notes, tags and stars; wishes for notices; and what there is to search with."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError as ModelValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from nasportal.lib.webhooks import WebhookRefused, checked
from searches.api.parsers import BoundedJSONParser
from searches.api.vocabulary import vocabulary
from searches.models.people import NOTE_LENGTH, TAG_LENGTH, Activity, NoticeWishes, SpecTemplate
from searches.services import annotations as annotating
from searches.services import notifications as notices
from searches.services.annotations import Target

BARE: dict[str, Any] = {"filter_backends": [], "pagination_class": None}


def person(request: Request) -> User:
    """Who asks. IsAuthenticated has let nobody else through."""
    assert isinstance(request.user, User)
    return request.user


class Overtaken(APIException):
    """Somebody else was quicker."""

    status_code = 409
    default_code = "overtaken"


class NoteSerializer(serializers.Serializer[Any]):
    """A note in Markdown; an empty text removes it. With `version` a newer note is not overwritten."""

    text = serializers.CharField(max_length=NOTE_LENGTH, allow_blank=True, trim_whitespace=False)
    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    by = serializers.CharField(read_only=True)
    changed = serializers.DateTimeField(read_only=True, allow_null=True)


class TagsSerializer(serializers.Serializer[Any]):
    """The tags, all of them; they are kept in small letters."""

    tags = serializers.ListField(
        child=serializers.CharField(max_length=TAG_LENGTH), max_length=annotating.TAGS_AT_MOST, allow_empty=True
    )


class StarSerializer(serializers.Serializer[Any]):
    """The asker's own mark."""

    starred = serializers.BooleanField()


class ActivitySerializer(serializers.ModelSerializer[Activity]):
    """Who did what; without `by` the portal itself."""

    run = serializers.PrimaryKeyRelatedField[Any](read_only=True, allow_null=True)

    class Meta:
        model = Activity
        fields = ["at", "by", "what", "run"]
        read_only_fields = fields


class TemplateSerializer(serializers.ModelSerializer[SpecTemplate]):
    """A spec that a project keeps to start from; the same name again replaces it."""

    created_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True, allow_null=True)
    spec = serializers.JSONField(help_text="A spec with whatever differs from its defaults.")

    class Meta:
        model = SpecTemplate
        fields = ["id", "name", "spec", "created_by", "created"]
        read_only_fields = ["id", "created"]


class WishesSerializer(serializers.ModelSerializer[NoticeWishes]):
    """How the asker is told that a run of theirs has ended. The secret signs the webhook's messages."""

    email = serializers.EmailField(max_length=254, allow_blank=True, required=False)
    by_email = serializers.BooleanField(required=False)
    webhook_url = serializers.CharField(max_length=500, allow_blank=True, required=False)

    class Meta:
        model = NoticeWishes
        fields = ["email", "by_email", "webhook_url", "webhook_secret"]
        read_only_fields = ["webhook_secret"]

    def validate_webhook_url(self, url: str) -> str:
        if url:
            try:
                checked(url)
            except WebhookRefused as refusal:
                raise ValidationError(str(refusal)) from refusal
        return url


def note_document(target: Target) -> dict[str, Any]:
    note = annotating.note_of(target)
    if note is None:
        return {"text": "", "version": 0, "by": "", "changed": None}
    return {
        "text": note.text,
        "version": note.version,
        "by": note.by.get_username() if note.by else "",
        "changed": note.changed.isoformat(),
    }


class Annotated:
    """Adds note, tags and star to a viewset of runs or candidates; `editable` says who may write."""

    @extend_schema(request=NoteSerializer, responses=NoteSerializer)
    @action(detail=True, methods=["get", "put"], **BARE)
    def note(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The team's note."""
        if request.method != "PUT":
            return Response(note_document(self.get_object()))
        target = self.editable()
        serializer = NoteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        try:
            annotating.note_save(target=target, text=given["text"], by=person(request), version=given.get("version"))
        except annotating.NoteOvertaken as error:
            raise Overtaken(" ".join(error.messages)) from error
        except ModelValidationError as error:
            raise ValidationError({"text": error.messages}) from error
        return Response(note_document(target))

    @extend_schema(request=TagsSerializer, responses=TagsSerializer)
    @action(detail=True, methods=["get", "put"], **BARE)
    def tags(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The team's tags."""
        if request.method != "PUT":
            return Response({"tags": annotating.tags_of(self.get_object())})
        target = self.editable()
        serializer = TagsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            return Response({"tags": annotating.tags_set(target=target, names=serializer.validated_data["tags"])})
        except ModelValidationError as error:
            raise ValidationError({"tags": error.messages}) from error

    @extend_schema(request=StarSerializer, responses=StarSerializer)
    @action(detail=True, methods=["get", "put"], **BARE)
    def star(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The asker's own star."""
        target = self.get_object()
        if request.method == "PUT":
            serializer = StarSerializer(data=request.data)
            serializer.is_valid(raise_exception=True)
            annotating.star_set(target=target, user=person(request), is_starred=serializer.validated_data["starred"])
        return Response({"starred": annotating.is_starred(target, person(request))})


class NoticesView(APIView):
    """How the asker is told that a run which they started has ended."""

    parser_classes = [BoundedJSONParser]

    @extend_schema(responses=WishesSerializer)
    def get(self, request: Request) -> Response:
        return Response(self._document(request))

    @extend_schema(request=WishesSerializer, responses=WishesSerializer)
    def put(self, request: Request) -> Response:
        """What is left out stays as it is."""
        serializer = WishesSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        now = {name: value for name, value in self._document(request).items() if name != "webhook_secret"}
        notices.wishes_save(user=person(request), **(now | serializer.validated_data))
        return Response(self._document(request))

    def _document(self, request: Request) -> dict[str, Any]:
        user = person(request)
        wishes = NoticeWishes.objects.filter(user=user).first() or NoticeWishes(user=user)
        return {
            "email": user.email,
            "by_email": wishes.by_email,
            "webhook_url": wishes.webhook_url,
            "webhook_secret": wishes.webhook_secret,
        }


class VocabularyView(APIView):
    """What there is to search with, as the form of a new run shows it."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Data sets, spaces, algorithms, objectives and targets with their options; presets; the defaults of a spec."""
        return Response(vocabulary())
