"""Forms of accounts."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.timezone import now

from nasportal.accounts import services
from nasportal.accounts.address import client_address
from nasportal.accounts.services import Verdict


class SignInForm(AuthenticationForm):
    """Name and password, with limits on wrong ones."""

    ticket = ""  # for the next attempt: a hidden field proves with it that somebody has waited

    def clean(self) -> dict[str, Any]:
        """Counts the attempt, then checks name and password.

        Raises ValidationError, without looking at the password, after too many wrong ones.
        """
        name, password = self.cleaned_data.get("username", ""), self.cleaned_data.get("password", "")
        if not name or not password:
            return super().clean()  # each field says that it is empty
        address = client_address(self.request)
        has_waited = services.has_waited(ticket=self.data.get("ticket", ""), name=name, address=address)
        self._demand(services.login_attempt_add(name=name, address=address, has_waited=has_waited))
        try:
            cleaned = super().clean()
        except ValidationError:
            self.ticket = services.wait_ticket(name=name, address=address)
            raise
        services.login_attempts_forget(name=name, address=address)
        return cleaned

    def _demand(self, verdict: Verdict) -> None:
        if verdict is Verdict.LOCKED:
            minutes = services.ATTEMPT_WINDOW.seconds // 60
            raise ValidationError(
                f"Too many wrong passwords in the last {minutes} minutes. Wait, or ask for a one-time link.",
                code="locked",
            )
        if verdict is Verdict.SLOWED:
            name, address = self.cleaned_data["username"], client_address(self.request)
            self.ticket = services.wait_ticket(name=name, address=address)
            raise ValidationError(
                f"There were many wrong passwords lately. Wait {services.WAIT_SECONDS} seconds, then sign in again.",
                code="slowed",
            )


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
