"""Projects, their members, templates and activity in the API."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from searches import services
from searches.api.pagination import Conflict, Pages
from searches.api.parsers import BoundedJSONParser
from searches.api.requests import NO_FILTERS_OR_PAGES, person
from searches.api.serializers import OneLine, read_spec
from searches.api.spec_schema import SpecField
from searches.models import (
    Activity,
    Membership,
    Project,
    SpecTemplate,
)
from searches.models.status import Role
from searches.spec import SearchSpec


class ActivitySerializer(serializers.ModelSerializer[Activity]):
    """An action and who did it; without `by` the portal itself."""

    run = serializers.PrimaryKeyRelatedField[Any](read_only=True, allow_null=True)

    class Meta:
        model = Activity
        fields = ["at", "by", "what", "run"]
        read_only_fields = fields


class TemplateSerializer(serializers.ModelSerializer[SpecTemplate]):
    """A spec that a project keeps to start from; the same name again replaces it."""

    created_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True, allow_null=True)
    spec = SpecField(help_text="A spec; entries that are left out have their defaults.")

    class Meta:
        model = SpecTemplate
        fields = ["id", "name", "spec", "created_by", "created"]
        read_only_fields = ["id", "created"]


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """A project, and what the asker is in it."""

    name = OneLine(max_length=200)
    owner = serializers.CharField(source="owner.username", read_only=True)
    role = serializers.SerializerMethodField()

    class Meta:
        model = Project
        fields = ["slug", "name", "owner", "role", "created"]
        read_only_fields = ["slug", "created"]

    def get_role(self, project: Project) -> str | None:
        return project.role_of(self.context["request"].user)

    def create(self, validated_data: dict[str, Any]) -> Project:
        return services.project_create(owner=self.context["request"].user, name=validated_data["name"])

    def update(self, instance: Project, validated_data: dict[str, Any]) -> Project:
        return services.project_rename(
            project=instance, name=validated_data.get("name", instance.name), by=self.context["request"].user
        )


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """Somebody beside the owner, by their user name."""

    user = serializers.SlugRelatedField(slug_field="username", queryset=User.objects.filter(is_active=True))
    role = serializers.ChoiceField(choices=[Role.EDITOR, Role.VIEWER])

    class Meta:
        model = Membership
        fields = ["user", "role", "created"]
        read_only_fields = ["created"]

    def create(self, validated_data: dict[str, Any]) -> Membership:
        return services.member_add(project=self.context["project"], by=self.context["request"].user, **validated_data)


class TransferSerializer(serializers.Serializer[Any]):
    """The member who gets the project, by user name."""

    user = serializers.SlugRelatedField[User](slug_field="username", queryset=User.objects.filter(is_active=True))


class TemplateCreateSerializer(serializers.Serializer[Any]):
    """A template's name and spec."""

    name = OneLine(max_length=200)
    spec = SpecField()

    def validate_spec(self, document: Any) -> SearchSpec:
        return read_spec(document)


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
        """Returns the project for its owner. Raises PermissionDenied for others."""
        project = self.get_object()
        if project.owner_id != self.request.user.pk:
            raise PermissionDenied("Only the owner of a project may change it or its members.")
        return project

    def perform_update(self, serializer: Any) -> None:
        self.owned()
        serializer.save()

    def perform_destroy(self, instance: Project) -> None:
        """Deletes the project. Raises Conflict where a run in it is live."""
        self.owned()
        try:
            services.project_delete(project=instance)
        except ModelValidationError as refusal:
            raise Conflict(" ".join(refusal.messages)) from refusal

    @extend_schema(request=MemberSerializer, responses=MemberSerializer(many=True))
    @action(detail=True, methods=["get", "post"], pagination_class=None, filter_backends=[])
    def members(self, request: Request, slug: str) -> Response:
        """Lists the other people who may see the project. A POST adds a member or changes their role.

        Answers 400 (ValidationError) where the user is the owner.
        """
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
    @action(detail=True, methods=["post"], **NO_FILTERS_OR_PAGES)
    def transfer(self, request: Request, slug: str) -> Response:
        """Hands the project to one of its members; the former owner stays as an editor.

        Answers 400 (ValidationError) where the user is no member.
        """
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
        """Lists who did what, the newest first."""
        rows: Any = Activity.objects.filter(project=self.get_object())
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(ActivitySerializer(page, many=True).data)

    @extend_schema(methods=["GET"], responses=TemplateSerializer(many=True))
    @extend_schema(methods=["POST"], request=TemplateCreateSerializer, responses={201: TemplateSerializer})
    @action(detail=True, methods=["get", "post"], **NO_FILTERS_OR_PAGES)
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
    @action(
        detail=True,
        methods=["delete"],
        url_path=r"templates/(?P<template>\d{1,18})",
        url_name="template",
        **NO_FILTERS_OR_PAGES,
    )
    def template(self, request: Request, slug: str, template: str) -> Response:
        """Deletes a template; runs that were started from it stay."""
        project = self.get_object()
        self._may_start_runs(project)
        found = get_object_or_404(SpecTemplate.objects.select_related("project"), project=project, pk=template)
        services.template_delete(template=found, by=person(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _may_start_runs(self, project: Project) -> None:
        if not Project.objects.editable_by(self.request.user).filter(pk=project.pk).exists():
            raise PermissionDenied("You can view this project, but only its owner and editors can change it.")
