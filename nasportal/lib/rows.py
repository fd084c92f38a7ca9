"""Rows that somebody else may delete between the moment they were looked up and the moment they are changed."""

from typing import TypeVar

from django.db import models
from django.http import Http404

Row = TypeVar("Row", bound=models.Model)


class Gone(Http404):
    """The row was deleted in the meantime; page and API answer 404."""


def locked(row: Row) -> Row:
    """Lock the row until the transaction ends and read it anew; raise Gone where it was deleted meanwhile."""
    rows: models.QuerySet[Row] = type(row)._default_manager.select_for_update()
    found = rows.filter(pk=row.pk).first()
    if found is None:
        raise Gone(f"{row._meta.verbose_name} {row.pk} was deleted.")
    return found
