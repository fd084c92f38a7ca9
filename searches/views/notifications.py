"""The page on which a user says how to be notified that a run has ended."""

import secrets

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from nasportal.lib.requests import Request
from nasportal.lib.webhooks import WebhookRefused
from searches.models import Notice, NoticeWishes, SearchRun
from searches.services import notifications

SHOWN = 10


class NoticeForm(forms.Form):
    """E-mail and webhook."""

    email = forms.EmailField(required=False, max_length=254, help_text="Address for notifications.")
    by_email = forms.BooleanField(required=False)
    webhook_url = forms.CharField(required=False, max_length=500, help_text="Receives a signed POST request with JSON.")

    def clean_webhook_url(self) -> str:
        """Checks the address as delivery would.

        Raises ValidationError where its text shows that it may not be called.
        """
        url = str(self.cleaned_data["webhook_url"]).strip()
        if url:
            try:
                notifications.webhook_check(url)
            except WebhookRefused as refusal:
                raise ValidationError(str(refusal)) from refusal
        return url


def wishes_of(request: Request) -> NoticeWishes:
    wishes = NoticeWishes.objects.filter(user=request.user).first()
    return wishes or NoticeWishes(user=request.user, webhook_secret=secrets.token_hex(24))


@require_http_methods(["GET", "HEAD", "POST"])
def notices(request: Request) -> HttpResponse:
    """Shows the settings, the secret that signs, and the last messages with what became of them."""
    wishes = wishes_of(request)
    entered = {"email": request.user.email, "by_email": wishes.by_email, "webhook_url": wishes.webhook_url}
    form = NoticeForm(request.POST if request.method == "POST" else None, initial=entered)
    if request.method == "POST" and form.is_valid():
        notifications.wishes_save(
            user=request.user,
            email=form.cleaned_data["email"],
            by_email=form.cleaned_data["by_email"],
            webhook_url=form.cleaned_data["webhook_url"],
            renew_secret="renew" in request.POST,
        )
        messages.success(request, "Saved.")
        return redirect("searches:notices")
    context = {
        "form": form,
        "wishes": wishes,
        "failures_at_most": notifications.FAILURES_AT_MOST,
        "has_mail": bool(settings.EMAIL_URL),
        "sent": Notice.objects.filter(user=request.user).select_related("run")[:SHOWN],
    }
    return render(request, "searches/notices.html", context, status=422 if form.errors else 200)


@require_POST
def try_out(request: Request) -> HttpResponse:
    """Sends the last ended run of the user once more, to see whether it arrives."""
    ended = SearchRun.objects.filter(created_by=request.user, finished__isnull=False).order_by("-finished").first()
    ways = notifications.ways_of(request.user)
    if ended is None or not ways:
        messages.warning(request, "Nothing to send yet: finish a run and save a notification method.")
    else:
        notifications.notices_add(run=ended, user=request.user, status=ended.status)
        messages.success(request, f"Resending the notification for {ended.name}. See its status below.")
    return redirect("searches:notices")
