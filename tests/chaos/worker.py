"""`python -m tests.chaos.worker`: the supervising process without its broker: it asks for work and works on it."""

import os
import time


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.chaos.settings"
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection

    from nasportal.lib import shutdown
    from nasportal.lib.child_process import die_with_parent
    from nasportal.lib.crash_points import crash_point
    from searches.supervision import leases, reaper
    from searches.supervision.supervisor import RunSupervisor

    die_with_parent()
    while not shutdown.is_requested():
        reaper.end_leases_of_the_dead()
        reaper.settle_abandoned()
        reaper.resume_paused_by_storage()
        claim = leases.run_claim(seconds=settings.LEASE_SECONDS, runs_at_once=1)
        if claim is None:
            with shutdown.asked_by_sigterm():
                time.sleep(0.1)
            continue
        crash_point("claimed")
        RunSupervisor(claim).work()
        reaper.ring_for_next()  # nobody reads these messages here: the loop asks for itself
        connection.close()


if __name__ == "__main__":
    main()
