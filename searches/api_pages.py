"""Pages and refusals of the API."""

from rest_framework import pagination, status
from rest_framework.exceptions import APIException


class Conflict(APIException):
    """What was asked for is legal, but not in the present state."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class Pages(pagination.LimitOffsetPagination):
    """`?limit=50&offset=100`, with an upper bound."""

    default_limit = 50
    max_limit = 500
