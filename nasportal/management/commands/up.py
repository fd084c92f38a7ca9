"""`manage.py up`: the whole portal in one command."""

import os
import ssl
import sys
from argparse import ArgumentParser
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from nasportal.backup import before_upgrade
from nasportal.backup.archive import BackupError
from nasportal.server import daphne
from nasportal.server.process_supervisor import ProcessSupervisor, program
from nasportal.setup import prepare
from nasportal.setup.prepare import Unprepared, say


class Command(BaseCommand):
    """Prepares the data folder and serves until Ctrl-C."""

    help = "Prepares everything, then keeps web server, task cluster, reaper and watchdog running until Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the address and the port to listen on."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on; all but loopback need TLS")
        parser.add_argument(
            "--port", type=_port, default=os.environ.get("PORT", "8000"), help="port (default: PORT, or 8000)"
        )

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        """Exit 0 after Ctrl-C or SIGTERM, 2 where something stands in the way of a start."""
        os.environ["PORT"] = str(port)  # the programs that are started name their addresses and cookies after it
        try:
            prepare.demand_linux()
            prepare.demand_tls(host)
            prepare.demand_certificate()
            prepare.make_data_folder()
            with prepare.only_portal():
                prepare.claim_port(host, port)
                self._serve(host, port)
        except Unprepared as fault:
            say(str(fault))
            sys.exit(2)

    def _serve(self, host: str, port: int) -> None:
        prepare.demand_sound_database()
        prepare.demand_known_schema()
        self._save_rows()
        prepare.migrate()
        prepare.collect_static()
        user, secret = prepare.first_account()
        prepare.example(user)
        address = _address(host, port)
        children = [program("guard"), program("web", daphne.command(host, port)), program("cluster")]

        def ready() -> None:
            say(f"NAS Portal runs at {address}/ (data in {settings.DATA_DIR}); Ctrl-C stops it.")
            if secret:
                say(f"Sign in as {user.username} with this link; it works once, for one day:")
                print(f"{address}/login/once/{secret}/", flush=True)

        ProcessSupervisor(children, say).run(until=lambda: _answers(host, port), ready=ready)
        say("NAS Portal has stopped; runs that were under way continue at the next start.")

    def _save_rows(self) -> None:
        """Before an upgrade changes the schema."""
        try:
            saved = before_upgrade.rows_save()
        except BackupError as fault:
            raise Unprepared(f"Before the upgrade the database must be saved, and cannot be: {fault}") from fault
        if saved:
            say(f"This version changes the database; a copy of how it was is in {saved}.")


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise ValueError(text)
    return port


def _address(host: str, port: int) -> str:
    """Returns how people reach the portal; behind a proxy by the first name that it is called by."""
    name = settings.ALLOWED_HOSTS[0].lstrip("*.")
    if settings.TLS == "proxy" and name and settings.ALLOWED_HOSTS != settings.LOOPBACK_HOSTS:
        return f"https://{name}"
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.TLS == 'certificate' else 'http'}://{shown}:{port}"


def _answers(host: str, port: int) -> bool:
    """Returns whether the web process serves; it may be up to us to speak TLS to it."""
    if settings.TLS == "certificate":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection: HTTPConnection = HTTPSConnection(host, port, timeout=1, context=context)
    else:
        connection = HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/healthz", headers={"Host": settings.ALLOWED_HOSTS[0].lstrip(".*") or host})
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
