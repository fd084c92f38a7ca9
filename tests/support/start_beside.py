"""Run with a portal's environment: takes all places but those of searches, queues a search, prints how long it waited.

python -m tests.support.start_beside
"""

import json
import time

import django


def main() -> None:
    """The seconds until the search was claimed, and how many tasks of each other kind were at work meanwhile."""
    django.setup()
    from django.contrib.auth.models import User
    from django.db import transaction
    from django_q.tasks import async_task

    from nasportal.admin.state import work
    from searches import services
    from searches.models import SearchRun
    from tests.support.portal import wait_until
    from tests.support.world import spec

    user = User.objects.get()
    project = services.project_create(owner=user, name="Beside")
    others = [each for each in work() if each["kind"] not in ("searches", "notifications")]
    for _ in range(6):
        for each in others:
            async_task("tests.support.held_places.hold", each["kind"], user.pk, 40.0, save=False)

    def at_work() -> dict[str, int]:
        return {each["kind"]: each["at_work"] for each in work()}

    wait_until(lambda: all(at_work()[each["kind"]] == each["places"] for each in others), 30.0)
    with transaction.atomic():
        run = services.run_create(project=project, spec=spec(), name="beside", by=user)
    began = time.monotonic()
    wait_until(lambda: SearchRun.objects.leased().filter(pk=run.pk).exists(), 30.0)
    print(json.dumps({"seconds": time.monotonic() - began, "at_work": at_work()}))


if __name__ == "__main__":
    main()
