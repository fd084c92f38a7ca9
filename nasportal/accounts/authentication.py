"""API tokens for Django REST framework: `Authorization: Bearer nasp_…`."""

from django.contrib.auth.models import User
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from nasportal.accounts import services
from nasportal.accounts.models import ApiToken


class BearerToken(BaseAuthentication):
    """Signs in the user whose token the request carries."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Returns user and token, or None without a bearer token.

        Raises AuthenticationFailed where the token is not valid.
        """
        scheme, _, text = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        token = services.token_use(text=text.decode("ascii", "replace").strip())
        if token is None:
            raise AuthenticationFailed(
                "This API token is unknown, revoked or expired. Create a new one on the page API tokens."
            )
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Makes the answer to a request without credentials 401 instead of 403."""
        return "Bearer"


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's schema describes it."""

    target_class = "nasportal.accounts.authentication.BearerToken"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """An HTTP bearer scheme."""
        return {"type": "http", "scheme": "bearer"}
