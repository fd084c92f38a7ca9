"""The courier: sends the notices that are due, in threads of the guard, so that no receiver holds up the task cluster.

A webhook's delivery is a process of its own with a deadline; a thread here waits for it. More guards than one, on other
machines, share the work by leases.
"""

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from searches.services import notifications
from searches.services.notifications import Errand

logger = logging.getLogger("nasportal.server.courier")
BEAT_SECONDS = 1.0


class Courier(threading.Thread):
    """Looks each second for notices that are due; up to eight are on their way at once, one per person."""

    def __init__(self) -> None:
        super().__init__(name="courier", daemon=True)
        self.places: int = settings.WORK_PLACES["notifications"]
        self.pool = ThreadPoolExecutor(self.places, thread_name_prefix="courier")
        self.under_way: set[Future[None]] = set()

    def run(self) -> None:
        while True:
            try:
                close_old_connections()
                self.round()
            except (DatabaseError, InterfaceError):
                logger.exception("a round of the courier failed; the next one follows")
            time.sleep(BEAT_SECONDS)

    def round(self) -> int:
        """Claim what is due and there is room for, and hand it to the threads; return how much that was."""
        self.under_way = {each for each in self.under_way if not each.done()}
        errands = notifications.notices_claim(room=self.places - len(self.under_way))
        self.under_way |= {self.pool.submit(_send, errand) for errand in errands}
        return len(errands)


def _send(errand: Errand) -> None:
    try:
        notifications.notice_send(errand)
    except Exception:  # a thread's outermost call: the lease ends, and the notice is tried again
        logger.exception("notice %s could not be sent", errand.notice.pk)
    finally:
        connections.close_all()
