"""`manage.py worker`: a further machine that works on the searches of a portal."""

import socket
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from nasportal.server.process_supervisor import ProcessSupervisor, program
from nasportal.setup import prepare
from nasportal.setup.prepare import Unprepared, say


class Command(BaseCommand):
    """Runs task cluster, reaper and watchdog, without the web server."""

    help = "Joins a portal that shares DATABASE_URL, NASPORTAL_SECRET_KEY and the folder NASPORTAL_DATA."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 2 where this machine shares nothing with the portal."""
        try:
            prepare.demand_linux()
            prepare.demand_shared()
        except Unprepared as fault:
            say(str(fault))
            sys.exit(2)
        say(f"Working for the portal on {settings.DATA_DIR}; Ctrl-C stops it.")
        children = [program(name, log=f"{socket.gethostname()}-{name}") for name in ("guard", "cluster")]
        ProcessSupervisor(children, say).run()
        say("The worker has stopped.")
