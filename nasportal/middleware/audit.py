"""Records who changed what: a line in the log and a row for each request that may have changed something."""

import logging
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse

from nasportal.accounts import services
from nasportal.accounts.address import client_address

logger = logging.getLogger("nasportal.audit")
READING = {"GET", "HEAD", "OPTIONS", "TRACE"}
UNTOLD = {"profiling:agent-poll"}  # each device asks every two seconds


class AuditMiddleware:
    """Logs user, method, path, status and address; the one-time link's GET signs somebody in, and is logged, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        view = match.view_name if match else ""
        if (request.method not in READING and view not in UNTOLD) or view == "accounts:once":
            # The route, not the path: a path may hold a secret. %r keeps line breaks of the address out of the log.
            route = f"/{match.route}" if match else request.path
            arguments = {key: value for key, value in (match.kwargs if match else {}).items() if key != "token"}
            user = getattr(request.user, "username", "") or "anonymous"
            logger.info(
                "user=%r %s %r %r status=%d from=%s",
                *(user, request.method, route, arguments, response.status_code, client_address(request)),
            )
            if request.user.is_authenticated or view.startswith("accounts:"):  # nobody else fills the table
                self._keep(user, request, route, arguments, response.status_code)
        return response

    def _keep(self, user: str, request: HttpRequest, route: str, arguments: dict[str, object], status: int) -> None:
        """The row for the administrators' page. Its loss must not turn a request that was done into an error."""
        try:
            services.audit_add(
                user=user,
                method=request.method or "",
                route=route,
                arguments=arguments,
                status=status,
                address=client_address(request),
            )
        except (DatabaseError, InterfaceError):
            logger.exception("the audit log could not be written")
