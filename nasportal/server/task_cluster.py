"""The django-q2 cluster as one tree: kill any process of it, and what is below goes with it.

python -m nasportal.server.task_cluster
"""

import os
from typing import Any

import django


def main() -> None:
    """Starts the cluster; comes back when it was stopped."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nasportal.settings")
    django.setup()
    from django_q.cluster import Cluster
    from django_q.signals import post_execute_in_worker, pre_execute

    from nasportal.lib import machine, shutdown  # before any fork: the flag is shared with the workers
    from nasportal.lib.child_process import die_with_parent

    class PortalCluster(Cluster):  # type: ignore[misc]
        """Asks the running supervisors to settle, and does not only wait for them."""

        def sig_handler(self, signum: int, frame: Any) -> None:
            """SIGTERM and SIGINT."""
            shutdown.request()
            super().sig_handler(signum, frame)

    # A killed parent would leave sentinel, workers, monitor and pusher running, and working.
    os.register_at_fork(after_in_child=die_with_parent)
    # The watchdog must tell a worker that waits for an answer of its task from one that waits for a task.
    pre_execute.connect(lambda **_: machine.call_this_process(machine.BUSY), weak=False)
    post_execute_in_worker.connect(lambda **_: machine.call_this_process(machine.IDLE), weak=False)
    PortalCluster().start()


if __name__ == "__main__":
    main()
