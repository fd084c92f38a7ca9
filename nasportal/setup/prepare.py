"""What has to be in place before the portal serves: folder, key, schema, static files, first account."""

import fcntl
import hashlib
import json
import logging
import os
import secrets
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from nasportal.accounts import services
from nasportal.lib import machine
from nasportal.lib.installation import portal_version
from searches.models import Project
from searches.supervision.example import load

log = logging.getLogger(__name__)
STAMP = "collected.json"
CHECK_SECONDS = 10.0  # for looking over the pages of a database file


class Unprepared(Exception):
    """What stands in the way of a start, in one sentence."""


def demand_linux() -> None:
    """Refuses a system that cannot supervise a portal's processes, which only Linux can. Raises Unprepared there."""
    if not machine.can_supervise():
        raise Unprepared(
            "The portal needs Linux, where it can adopt orphaned processes (prctl) and wait for signals with a time "
            "limit (sigtimedwait): start it in a Linux container or virtual machine; `manage.py search`, `sample` and "
            "`generate` work here without it."
        )


def make_data_folder() -> None:
    """The data folder, for this user only, with the secret key and a place for logs."""
    folder: Path = settings.DATA_DIR
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "log").mkdir(mode=0o700, exist_ok=True)
        _make_secret_key(settings.SECRET_KEY_FILE)
    except OSError as error:
        raise _unwritable(folder, error.strerror) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(folder, "permission denied")


def _unwritable(folder: Path, reason: str | None) -> Unprepared:
    return Unprepared(f"The data folder {folder} cannot be written ({reason}): make it writable or set NASPORTAL_DATA.")


def _make_secret_key(path: Path) -> None:
    """Makes the key where there is none; an empty file, as a power cut may leave it, is none."""
    there = path.exists()
    if there and path.read_bytes().strip():
        return
    if there:
        log.warning("%s was empty and has a new key: everybody has to sign in again.", path)
    _write_secret(path, secrets.token_urlsafe(50), replaces=there)


def _write_secret(path: Path, text: str, *, replaces: bool) -> None:
    """Writes the file so that it is whole or not there, also after a power cut; another process may be quicker."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replaces:
            partial.replace(path)
        else:
            with suppress(FileExistsError):
                os.link(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def only_portal() -> Iterator[None]:
    """Locks the data folder: a second portal on it would start everything twice.

    Raises Unprepared where another holds it.
    """
    with (settings.DATA_DIR / "portal.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Unprepared(
                f"Another portal (process {lock.read().strip()}) uses the data folder {settings.DATA_DIR}: "
                "stop it or name another folder in NASPORTAL_DATA."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def claim_port(host: str, port: int) -> None:
    """Refuses an address that another program listens on. Raises Unprepared where one does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Unprepared(
                f"Port {port} of {host} cannot be used ({error.strerror}): "
                "stop what listens there, or set another port with PORT=…"
            ) from error


def demand_tls(host: str) -> None:
    """Refuses to send passwords across a network in the clear.

    Raises Unprepared where TLS or the host names are not set.
    """
    if host in ("127.0.0.1", "::1", "localhost"):
        return
    if not settings.TLS:
        raise Unprepared(
            f"--host {host} opens the portal to the network and needs TLS: set NASPORTAL_TLS=proxy behind a trusted "
            "proxy, or NASPORTAL_TLS=certificate with NASPORTAL_TLS_CERTIFICATE and NASPORTAL_TLS_KEY."
        )
    if settings.ALLOWED_HOSTS == settings.LOOPBACK_HOSTS:
        raise Unprepared(
            f"--host {host} opens the portal to the network: say in NASPORTAL_HOSTS by which names it is called."
        )


def demand_certificate() -> None:
    """Checks both PEM files of NASPORTAL_TLS=certificate. Raises Unprepared where one cannot be read."""
    if settings.TLS != "certificate":
        return
    for variable, path in (
        ("NASPORTAL_TLS_CERTIFICATE", settings.TLS_CERTIFICATE),
        ("NASPORTAL_TLS_KEY", settings.TLS_KEY),
    ):
        if not (path and os.access(path, os.R_OK)):
            raise Unprepared(f"{variable} must name a PEM file that can be read, but is {path!r}.")


def demand_sound_database() -> None:
    """Looks over the file of SQLite for damage, for some seconds at most. Raises Unprepared where it finds any."""
    path = Path(settings.DATABASES["default"]["NAME"])
    if connection.vendor != "sqlite" or not path.is_file() or not path.stat().st_size:
        return
    until = time.monotonic() + CHECK_SECONDS
    try:
        with closing(sqlite3.connect(path)) as rows:
            rows.set_progress_handler(lambda: time.monotonic() > until, 10_000)
            found = str(rows.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError:
        return  # locked, unreadable or too large to be looked over: what opens it next says so
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        what = " ".join(found.split())
        raise Unprepared(f"The database {path} is damaged ({what}): move it away and put back a backup.")


def demand_known_schema() -> None:
    """Refuses a database that a newer version has changed: this one would not know what its columns mean.

    Raises Unprepared there.
    """
    try:
        executor = MigrationExecutor(connection)
        applied = executor.loader.applied_migrations
    except DatabaseError as error:
        raise _unusable(error) from error
    ours = {app for app, _ in executor.loader.disk_migrations}
    unknown = sorted(f"{app} {name}" for app, name in applied if app in ours and (app, name) not in known(executor))
    if unknown:
        raise Unprepared(
            f"A newer version of NAS Portal has changed this database ({', '.join(unknown[:3])}), and this is "
            f"{portal_version()}: install the newer version, or put back a backup of before the upgrade."
        )


def known(executor: MigrationExecutor) -> set[tuple[str, str]]:
    """The migrations of this version, and those that they stand for."""
    found = executor.loader.disk_migrations
    return {*found, *((app, name) for (app, _), each in found.items() for _, name in each.replaces)}


def migrate() -> None:
    """The schema of this version."""
    try:
        call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as error:
        raise _unusable(error) from error


def _unusable(error: DatabaseError) -> Unprepared:
    what = " ".join(str(error).split())
    return Unprepared(f"The database cannot be used ({what}): see DATABASE_URL, or the data folder for SQLite.")


def collect_static() -> None:
    """Static files under hashed names; nothing is done while the sources are the same."""
    stamp = settings.STATIC_ROOT / STAMP
    sources = _sources_digest()
    if stamp.is_file() and json.loads(stamp.read_text()) == sources:
        return
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    stamp.write_text(json.dumps(sources))


def _sources_digest() -> str:
    lines = []
    for finder in get_finders():
        for path, storage in finder.list(None):
            stat = os.stat(storage.path(path))
            lines.append(f"{storage.path(path)} {stat.st_size} {stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def first_account() -> tuple[User, str | None]:
    """The first account, and the secret of a one-time link as long as it has no password."""
    password = os.environ.get("NASPORTAL_ADMIN_PASSWORD", "")
    user = services.first_account_create(password=password)
    return user, None if user.has_usable_password() else services.login_link_create(user=user)


def example(user: User) -> None:
    """The finished example run, in a portal in which there is nothing yet; NASPORTAL_EXAMPLE=0 leaves it out."""
    if settings.EXAMPLE and not Project.objects.exists():
        load(owner=user)


def demand_shared() -> None:
    """Checks that a further machine can work on the portal's rows and files, without making either.

    Raises Unprepared where data folder, key or migrations are missing.
    """
    if not (settings.SECRET_KEY_FILE.exists() or os.environ.get("NASPORTAL_SECRET_KEY")):
        raise Unprepared(
            f"There is no portal in {settings.DATA_DIR}: set NASPORTAL_DATA to the folder that `manage.py up` uses."
        )
    make_data_folder()
    demand_known_schema()
    try:
        missing = missing_migrations()
    except DatabaseError as error:
        raise _unusable(error) from error
    if missing:
        raise Unprepared(f"The database lacks {missing} migrations of this version: start `manage.py up` first.")


def missing_migrations() -> int:
    """Returns how many migrations of this version the database lacks."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def say(text: str) -> None:
    """One line for the person who started the portal."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
