"""Signing in and out, the one-time link, password and API tokens."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nasportal.accounts import services
from nasportal.accounts.forms import SignInForm, TokenForm


class SignInView(LoginView):
    """The login page."""

    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
    http_method_names = ("get", "head", "post", "options")

    def form_invalid(self, form: Any) -> HttpResponse:
        """The page with what was wrong; 429 where it was wrong too often."""
        response = super().form_invalid(form)
        if form.has_error("__all__", "locked") or form.has_error("__all__", "slowed"):
            response.status_code = 429
        if form.has_error("__all__", "slowed"):
            response.headers["Retry-After"] = str(services.WAIT_SECONDS)
        return response


@login_not_required
@require_GET
@never_cache
def once(request: HttpRequest, token: str) -> HttpResponse:
    """Signs in whom the link was made for, once."""
    user = services.login_link_use(secret=token)
    if user is None:
        return render(request, "accounts/once_failed.html", status=410)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    if not user.has_usable_password():
        messages.info(request, "Signed in. Set a password so you can sign in without a link.")
    return redirect("/")


@method_decorator(never_cache, name="dispatch")
class PasswordView(PasswordChangeView):
    """A new password; the old one is asked for where there is one."""

    template_name = "accounts/password.html"
    success_url = reverse_lazy("accounts:password")
    http_method_names = ("get", "head", "post", "options")

    def get_form_class(self) -> Any:
        """Asks for the old password only where there is one."""
        user: Any = self.request.user
        return super().get_form_class() if user.has_usable_password() else SetPasswordForm

    def form_valid(self, form: Any) -> HttpResponse:
        """Saved; this session stays signed in, the others do not."""
        messages.success(self.request, "The new password was saved.")
        return super().form_valid(form)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The user's API tokens, and the form for a new one."""
    user = _user(request)
    form = TokenForm(request.POST or None)
    words: dict[str, Any] = {"form": form, "tokens": user.api_tokens.filter(revoked=None)}
    if request.method != "POST":
        return render(request, "accounts/tokens.html", words)
    if not form.is_valid():
        return render(request, "accounts/tokens.html", words, status=422)
    words["secret"] = services.token_create(user=user, name=form.cleaned_data["name"], expires=form.expires())
    words["form"] = TokenForm()
    return render(request, "accounts/tokens.html", words)


@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Takes one of the user's own tokens out of use."""
    if services.token_revoke(user=_user(request), pk=pk):
        messages.success(request, "The token was revoked.")
    return redirect("accounts:tokens")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # LoginRequiredMiddleware let nobody else in
    return request.user
