"""The user of a request, and views without filters or pages."""

from typing import Any

from django.contrib.auth.models import User
from rest_framework.request import Request

NO_FILTERS_OR_PAGES: dict[str, Any] = {"filter_backends": [], "pagination_class": None}


def person(request: Request) -> User:
    """Returns the user who asks; IsAuthenticated has let nobody else through."""
    assert isinstance(request.user, User)
    return request.user
