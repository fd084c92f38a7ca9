"""The activity of a project: one sentence a deed, written in the transaction of the deed."""

from django.contrib.auth.models import AbstractBaseUser

from searches.models import Activity, Project, SearchRun

WHAT_AT_MOST = 300


def activity_add(
    *, project: Project, what: str, by: AbstractBaseUser | None = None, run: SearchRun | None = None
) -> None:
    """`what` is the sentence without its subject; without `by` the portal itself did it."""
    name = by.get_username() if by else ""
    what = what if len(what) <= WHAT_AT_MOST else what[: WHAT_AT_MOST - 1] + "…"
    Activity.objects.create(project=project, run=run, by=name, what=what)
