"""Forms of accounts."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.timezone import now

from nasportal.accounts import services
from nasportal.accounts.address import client_address


class SignInForm(AuthenticationForm):
    """Name and password, with a limit on wrong ones."""

    def clean(self) -> dict[str, Any]:
        """Checks name and password.

        Raises ValidationError, without looking at the password, after too many wrong ones.
        """
        name = self.cleaned_data.get("username", "")
        address = client_address(self.request)
        if services.login_is_blocked(name=name, address=address):
            minutes = services.FAILURE_WINDOW.seconds // 60
            raise ValidationError(
                f"Too many wrong passwords in the last {minutes} minutes. Wait, or ask for a one-time link.",
                code="blocked",
            )
        try:
            cleaned = super().clean()
        except ValidationError:
            services.login_failure_add(name=name, address=address)
            raise
        services.login_failures_forget(name=name, address=address)
        return cleaned


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(max_length=100, help_text="Name the program that will use the token.")
    days = forms.IntegerField(
        min_value=1,
        max_value=3650,
        initial=90,
        required=False,
        help_text="Days until the token expires. Leave empty for no expiry.",
    )

    def expires(self) -> Any:
        """Returns when the token stops to work."""
        days = self.cleaned_data["days"]
        return now() + timedelta(days=days) if days else None
