"""The request as our views get it: signed in (LoginRequiredMiddleware), and asked by htmx or not (HtmxMiddleware)."""

from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """A request after the middleware; only for types."""

    user: User
    htmx: HtmxDetails
