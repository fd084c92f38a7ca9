"""An address that holds a NUL is refused: PostgreSQL looks for no text with one, and SQLite would."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse


class NulInAddress(BadRequest):
    """Says so."""

    def __init__(self) -> None:
        super().__init__("The address holds a NUL character (%00), which no name has: take it out.")


class NulMiddleware:
    """Looks at path and query; forms and JSON have fields that refuse it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            raise NulInAddress
        return self.get_response(request)
