"""The canary: a task that does nothing but tell that it was executed."""

from django.db import transaction
from django.utils.timezone import now
from django_q.tasks import async_task

from nasportal.models import Canary


@transaction.atomic
def ring() -> None:
    """Sends a new canary; the old ones are of no more use."""
    Canary.objects.all().delete()
    canary = Canary.objects.create()
    async_task("nasportal.canary.answer", canary.pk, save=False)


def answer(pk: int) -> None:
    """The task: executed by a worker."""
    Canary.objects.filter(pk=pk).update(answered=now())


def waited_seconds() -> float | None:
    """For how long the canary that was sent last has been waiting; None where it was answered, or none was sent."""
    canary = Canary.objects.order_by("-pk").first()
    if canary is None or canary.answered is not None:
        return None
    return (now() - canary.asked).total_seconds()


def forget() -> None:
    """Waits for none: what a killed cluster had taken is handed out again only much later."""
    Canary.objects.all().delete()
