"""Pages, filters and refusals of the API."""

from typing import Any, TypeVar

import django_filters.rest_framework
from django.db.models import Model, QuerySet
from rest_framework import pagination, status, viewsets
from rest_framework.exceptions import APIException
from rest_framework.filters import OrderingFilter

Row = TypeVar("Row", bound=Model)


class Conflict(APIException):
    """What was asked for is legal, but not in the present state."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class Pages(pagination.LimitOffsetPagination):
    """`?limit=50&offset=100`, with an upper bound."""

    default_limit = 50
    max_limit = 500


class FilteredLists(viewsets.GenericViewSet[Row]):
    """Lists are filtered and ordered as the query says; one row is asked for by its number alone."""

    filter_backends = [django_filters.rest_framework.DjangoFilterBackend, OrderingFilter]
    pagination_class = Pages

    def filter_queryset(self, queryset: QuerySet[Row, Any]) -> QuerySet[Row, Any]:
        return super().filter_queryset(queryset) if self.action == "list" else queryset
