"""Who changed what: one line in the log for each request that may have changed something."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from nasportal.accounts.address import client_address

logger = logging.getLogger("nasportal.audit")
READING = {"GET", "HEAD", "OPTIONS", "TRACE"}


class AuditMiddleware:
    """Logs user, method, path, status and address; the one-time link's GET signs somebody in, and is logged, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        if request.method not in READING or (match and match.view_name == "accounts:once"):
            # The route, not the path: a path may hold a secret. %r keeps line breaks of the address out of the log.
            route = f"/{match.route}" if match else request.path
            arguments = {key: value for key, value in (match.kwargs if match else {}).items() if key != "token"}
            user = getattr(request.user, "username", "") or "anonymous"
            logger.info(
                "user=%r %s %r %r status=%d from=%s",
                *(user, request.method, route, arguments, response.status_code, client_address(request)),
            )
        return response
