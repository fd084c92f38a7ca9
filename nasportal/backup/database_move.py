"""The rows of the portal in another database: from SQLite to PostgreSQL, or back. Files stay where they are."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import environ
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DatabaseError, connections, models, transaction

from nasportal.setup.prepare import Unprepared, only_portal

TARGET = "target"
BATCH = 500
ENGINES = ("django.db.backends.postgresql", "django.db.backends.sqlite3")
WANTED = "The new address must look like postgres://user:password@host:5432/name."
# Made anew by the schema itself, or messages that mean nothing elsewhere: the reaper rings for runs that have work.
LEFT_OUT = {"contenttypes", "django_q", "sessions"}


class MoveError(Exception):
    """The reason why nothing was moved, in one sentence."""


def move(address: str) -> dict[str, int]:
    """Copies every row into the empty database at ``address`` in one transaction and returns the rows per table.

    Raises MoveError where the portal runs or a database refuses.
    """
    connect(address)
    try:
        with only_portal():
            demand_empty()
            call_command("migrate", database=TARGET, verbosity=0)
            with transaction.atomic(using=TARGET):
                moved = {model._meta.db_table: copy(model) for model in kept_models()}
            set_sequences()
    except Unprepared as fault:
        raise MoveError(f"{fault} Stop it first.") from fault
    except DatabaseError as fault:
        raise MoveError(f"The database at the new address refused: {' '.join(str(fault).split())}") from fault
    finally:
        connections[TARGET].close()
    return {table: count for table, count in moved.items() if count}


def connect(address: str) -> None:
    """Connects the new database under the alias TARGET.

    Raises MoveError where the address is malformed or is the present database.
    """
    try:
        database = environ.Env.db_url_config(address)
    except ValueError as fault:
        raise MoveError(WANTED) from fault
    if database.get("ENGINE") not in ENGINES or not database["NAME"]:
        raise MoveError(WANTED)
    here = settings.DATABASES["default"]
    if all(str(database.get(part, "")) == str(here.get(part, "")) for part in ("ENGINE", "NAME", "HOST", "PORT")):
        raise MoveError("The new address is the database that the portal uses already.")
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["OPTIONS"] = settings.SQLITE_OPTIONS
    connections.settings[TARGET] = connections.settings["default"] | {"OPTIONS": {}} | database
    with suppress(AttributeError):
        del connections[TARGET]


def demand_empty() -> None:
    """Refuses a new database that has tables. Raises MoveError where it has one."""
    if there := sorted(connections[TARGET].introspection.table_names()):
        raise MoveError(f"The database at the new address is not empty (it has a table {there[0]}): name a new one.")


def kept_models() -> Iterator[type[models.Model]]:
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        if meta.managed and not meta.proxy and meta.app_label not in LEFT_OUT and meta.label != "auth.Permission":
            yield model


def copy(model: type[models.Model]) -> int:
    """Copies a table with its primary keys and dates, and reads back what was written.

    Raises MoveError where that differs.
    """
    manager, names = model._base_manager, [each.attname for each in model._meta.concrete_fields]
    rows = manager.using("default").order_by("pk").values(*names)
    count, sent = 0, hashlib.sha256()
    batch: list[models.Model] = []
    for row in rows.iterator(chunk_size=BATCH):
        sent.update(written(row))
        batch.append(model(**row))
        count += 1
        if len(batch) == BATCH:
            insert(model, batch)
            batch = []
    insert(model, batch)
    arrived = hashlib.sha256()
    for row in manager.using(TARGET).order_by("pk").values(*names).iterator(chunk_size=BATCH):
        arrived.update(written(row))
    if arrived.digest() != sent.digest():
        raise MoveError(f"What arrived in {model._meta.db_table} is not what was sent; nothing was moved.")
    return count


def insert(model: type[models.Model], batch: list[models.Model]) -> None:
    with moments_kept(model):
        model._base_manager.using(TARGET).bulk_create(batch)


@contextmanager
def moments_kept(model: type[models.Model]) -> Iterator[None]:
    """A field that is set to now whenever a row is made would forget when that was."""
    dated = [each for each in model._meta.concrete_fields if isinstance(each, models.DateField) and each.auto_now_add]
    for each in dated:
        each.auto_now_add = False
    try:
        yield
    finally:
        for each in dated:
            each.auto_now_add = True


def written(row: dict[str, Any]) -> bytes:
    """The same bytes for equal rows: a database may give the keys of its JSON back in another order."""
    return json.dumps(row, sort_keys=True, default=str).encode()


def set_sequences() -> None:
    """Automatic ids go on behind those that were copied."""
    target = connections[TARGET]
    with target.cursor() as cursor:
        for statement in target.ops.sequence_reset_sql(no_style(), list(kept_models())):
            cursor.execute(statement)
