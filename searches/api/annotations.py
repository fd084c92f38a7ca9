"""Notes, tags and stars of runs and candidates in the API."""

from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from searches.api.requests import NO_FILTERS_OR_PAGES, person
from searches.models import NOTE_LENGTH, TAG_LENGTH
from searches.services import annotations
from searches.services.annotations import Target


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
        child=serializers.CharField(max_length=TAG_LENGTH), max_length=annotations.TAGS_AT_MOST, allow_empty=True
    )


class StarSerializer(serializers.Serializer[Any]):
    """The asker's own mark."""

    starred = serializers.BooleanField()


def note_document(target: Target) -> dict[str, Any]:
    note = annotations.note_of(target)
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
    @action(detail=True, methods=["get", "put"], **NO_FILTERS_OR_PAGES)
    def note(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The team's note.

        Answers 409 (Overtaken) where the note has changed since, 400 (ValidationError) where it breaks a rule.
        """
        if request.method != "PUT":
            return Response(note_document(self.get_object()))
        target = self.editable()
        serializer = NoteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        try:
            annotations.note_save(target=target, text=given["text"], by=person(request), version=given.get("version"))
        except annotations.NoteOvertaken as error:
            raise Overtaken(" ".join(error.messages)) from error
        except ModelValidationError as error:
            raise ValidationError({"text": error.messages}) from error
        return Response(note_document(target))

    @extend_schema(request=TagsSerializer, responses=TagsSerializer)
    @action(detail=True, methods=["get", "put"], **NO_FILTERS_OR_PAGES)
    def tags(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The team's tags. Answers 400 (ValidationError) where a tag breaks a rule."""
        if request.method != "PUT":
            return Response({"tags": annotations.tags_of(self.get_object())})
        target = self.editable()
        serializer = TagsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            return Response({"tags": annotations.tags_set(target=target, names=serializer.validated_data["tags"])})
        except ModelValidationError as error:
            raise ValidationError({"tags": error.messages}) from error

    @extend_schema(request=StarSerializer, responses=StarSerializer)
    @action(detail=True, methods=["get", "put"], **NO_FILTERS_OR_PAGES)
    def star(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The asker's own star."""
        target = self.get_object()
        if request.method == "PUT":
            serializer = StarSerializer(data=request.data)
            serializer.is_valid(raise_exception=True)
            annotations.star_set(target=target, user=person(request), is_starred=serializer.validated_data["starred"])
        return Response({"starred": annotations.is_starred(target, person(request))})
