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

    from nasportal.lib import shutdown  # before any fork: the flag is shared with the workers
    from nasportal.lib.child_process import die_with_parent

    class PortalCluster(Cluster):  # type: ignore[misc]
        """Asks the running supervisors to settle, and does not only wait for them."""

        def sig_handler(self, signum: int, frame: Any) -> None:
            """SIGTERM and SIGINT."""
            shutdown.request()
            super().sig_handler(signum, frame)

    # A killed parent would leave sentinel, workers, monitor and pusher running, and working.
    os.register_at_fork(after_in_child=die_with_parent)
    PortalCluster().start()


if __name__ == "__main__":
    main()
